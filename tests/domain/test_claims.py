"""Guards what is made of a provider's words: text of strangers becomes harmless values, or nothing at all."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import claims
from accessrequests.domain.claims import Claims, Unusable

SAID = {"sub": "42", "preferred_username": "nina", "name": "Nina Novak", "email": "nina@example.com", "groups": ["a"]}


def read(**changes: Any) -> Claims:
    said = {name: value for name, value in {**SAID, **changes}.items() if value is not None}
    return claims.read(said, groups_claim="groups", active_claim="active")


class TestRead:
    def test_takes_what_is_there(self) -> None:
        assert read() == Claims(
            subject="42",
            username="nina",
            name="Nina Novak",
            email="nina@example.com",
            groups=frozenset({"a"}),
            is_active=True,
        )

    @pytest.mark.parametrize("subject", [None, "", 7, "x" * 256, "a\nb", "a\u202eb", "\u0430"])
    def test_needs_a_subject_that_can_be_kept(self, subject: object) -> None:
        with pytest.raises(Unusable, match="subject"):
            read(sub=subject)

    @pytest.mark.parametrize(
        ("given_name", "username"),
        [
            ("nina@example.com", "nina"),
            ("Nina", ""),
            ("n\u0456na", ""),
            ("nina\u200b", ""),
            ("nina\n", ""),
            ("-nina", ""),
            ("", ""),
            (None, ""),
            (["nina"], ""),
            ("n" * 65, ""),
        ],
    )
    def test_makes_nothing_of_a_name_that_is_none_here(self, given_name: object, username: str) -> None:
        assert read(preferred_username=given_name).username == username

    @pytest.mark.parametrize(
        ("given_name", "name"),
        [
            ("Nina\u202e\nNovak", "Nina Novak"),
            ("\u200b\u2800", "nina"),
            (None, "nina"),
            (7, "nina"),
            ("N" * 300, "N" * 199 + "…"),
        ],
    )
    def test_shows_a_name_as_one_harmless_line(self, given_name: object, name: str) -> None:
        assert read(name=given_name).name == name

    @pytest.mark.parametrize(
        "email", [None, "nina", "nina@", "ni na@example.com", "n\u0456na@example.com", "a@b\nBcc: c@d", "n" * 250 + "@example.com"]
    )  # fmt: skip
    def test_takes_no_address_that_mail_could_not_go_to(self, email: object) -> None:
        assert read(email=email).email == ""

    @pytest.mark.parametrize(
        ("groups", "found"),
        [(None, None), ([], frozenset()), ("one", frozenset({"one"})), (["b", "a", "a"], frozenset({"a", "b"}))],
    )
    def test_tells_no_groups_from_no_word_on_groups(self, groups: object, found: object) -> None:
        assert read(groups=groups).groups == found

    @pytest.mark.parametrize("groups", [{"a": 1}, [1], ["x" * 257], ["g"] * 1001, 7, "x" * 1_000_000])
    def test_takes_no_groups_that_cannot_be_true(self, groups: object) -> None:
        with pytest.raises(Unusable, match="groups"):
            read(groups=groups)

    @pytest.mark.parametrize(
        ("active", "is_active"), [(True, True), (None, True), (False, False), ("true", False), (1, False)]
    )
    def test_anything_but_a_plain_yes_is_a_no(self, active: object, is_active: bool) -> None:
        assert read(active=active).is_active is is_active

    @given(st.dictionaries(st.sampled_from([*SAID, "active"]), st.text() | st.integers() | st.lists(st.text())))
    def test_never_fails_in_another_way(self, said: dict[str, Any]) -> None:
        try:
            found = claims.read(said, groups_claim="groups", active_claim="active")
        except Unusable:
            return
        assert not {unicodedata.category(one) for one in found.name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert "\n" not in found.email


class TestOurs:
    def test_without_a_mapping_groups_are_those_of_the_same_name(self) -> None:
        assert claims.ours(["a", "b"], mapping={}, same_names=["b", "c"]) == {"b"}

    def test_with_one_nothing_else_counts(self) -> None:
        mapping = {"eng-all": "engineering", "dba": "data-owners"}

        assert claims.ours(["eng-all", "b"], mapping=mapping, same_names=["b"]) == {"engineering"}
