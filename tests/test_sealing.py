"""Sealed values open with their key and for their purpose only, and keys can be changed while values live."""

from __future__ import annotations

import base64

import pytest
from pytest_django import Settings

from accessrequests import sealing
from accessrequests.sealing import CannotOpen

KEYS = {name: base64.urlsafe_b64encode(name.encode() * 32).decode() for name in ("a", "b")}


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.ACCESS_SEALING_KEYS = f"a:{KEYS['a']}"


class TestSeal:
    def test_opens_again(self) -> None:
        sealed = sealing.seal("s3cret ü", purpose="grant/1")

        assert b"s3cret" not in sealed
        assert sealing.open_sealed(sealed, purpose="grant/1") == "s3cret ü"

    def test_never_makes_the_same_twice(self) -> None:
        assert sealing.seal("s", purpose="p") != sealing.seal("s", purpose="p")

    def test_does_not_open_for_another_purpose(self) -> None:
        with pytest.raises(CannotOpen):
            sealing.open_sealed(sealing.seal("s", purpose="grant/1"), purpose="grant/2")

    def test_under_a_key_of_ones_own_opens_for_those_who_have_the_secret(self) -> None:
        own = sealing.key_of("the account's secret")
        sealed = sealing.seal("token", purpose="p", keys=own)

        assert sealing.open_sealed(sealed, purpose="p", keys=sealing.key_of("the account's secret")) == "token"
        for keys in (None, sealing.key_of("another")):
            with pytest.raises(CannotOpen):
                sealing.open_sealed(sealed, purpose="p", keys=keys)

    @pytest.mark.parametrize("position", [3, 20, -2])
    def test_does_not_open_when_it_was_changed(self, position: int) -> None:
        sealed = bytearray(sealing.seal("secret", purpose="p"))
        sealed[position] = ord("A") if sealed[position] != ord("A") else ord("B")

        with pytest.raises(CannotOpen):
            sealing.open_sealed(bytes(sealed), purpose="p")

    @pytest.mark.parametrize("rubbish", [b"", b"a", b"a.", b"a.AAAA", b"a.\xff", b"\xff.AAAA", b"nobody.AAAA"])
    def test_rubbish_does_not_open(self, rubbish: bytes) -> None:
        with pytest.raises(CannotOpen):
            sealing.open_sealed(rubbish, purpose="p")


class TestKeys:
    def test_are_changed_while_sealed_values_live(self, settings: Settings) -> None:
        old = sealing.seal("old", purpose="p")
        settings.ACCESS_SEALING_KEYS = f"b:{KEYS['b']}, a:{KEYS['a']}"
        new = sealing.seal("new", purpose="p")

        assert new.startswith(b"b.")
        assert sealing.open_sealed(old, purpose="p") == "old"
        settings.ACCESS_SEALING_KEYS = f"b:{KEYS['b']}"
        assert sealing.open_sealed(new, purpose="p") == "new"
        with pytest.raises(CannotOpen, match="no longer"):
            sealing.open_sealed(old, purpose="p")

    @pytest.mark.parametrize("written", ["", "a", "a:", "a:AAAA", "a:AAA", ":" + KEYS["a"], f"a.b:{KEYS['a']}"])
    def test_that_are_none_are_named_as_such(self, settings: Settings, written: str) -> None:
        settings.ACCESS_SEALING_KEYS = written

        with pytest.raises(CannotOpen, match="ACCESS_SEALING_KEYS"):
            sealing.seal("s", purpose="p")
