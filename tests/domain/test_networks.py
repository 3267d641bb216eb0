"""Guards how an address is read: strictly, as the server sees it, and never as one that nobody connects from."""

from __future__ import annotations

import pytest

from accessrequests.domain.networks import are_everybody, covers, read_network, write_network


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_is_kept_as_a_server_sees_it(text: str, seen: str) -> None:
    network = read_network(text)

    assert network is not None
    assert write_network(network) == seen


@pytest.mark.parametrize(
    "text", ["", "here", "192.0.2.7/24", "192.0.2.256", "fe80::1%eth0", "224.0.0.1", "ff02::1", "0.0.0.0", "::"]
)
def test_of_nobody_is_none(text: str) -> None:
    assert read_network(text) is None


@pytest.mark.parametrize(
    ("texts", "everybody"),
    [
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["::/1", "8000::/1"], True),
        (["0.0.0.0/1", "128.0.0.0/2"], False),
        (["192.0.2.0/24", "2001:db8::/32"], False),
        ([], False),
    ],
)
def test_two_halves_are_everybody(texts: list[str], everybody: bool) -> None:
    networks = [network for text in texts if (network := read_network(text)) is not None]

    assert len(networks) == len(texts)
    assert are_everybody(networks) is everybody


@pytest.mark.parametrize(
    ("wide", "narrow", "is_covered"),
    [
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.0/24", False),
        ("::/1", "192.0.2.7", False),
    ],
)
def test_one_block_covers_another_of_its_sort(wide: str, narrow: str, *, is_covered: bool) -> None:
    blocks = [network for text in (wide, narrow) if (network := read_network(text)) is not None]

    assert covers(blocks[0], blocks[1]) is is_covered
