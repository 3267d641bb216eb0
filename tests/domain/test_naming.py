"""Guards the names that we give on targets: unique, safe, within every engine's limits, and known again."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accessrequests.domain import naming

INSTALLATIONS = st.from_regex(r"[a-z0-9]{4,12}", fullmatch=True)
GRANT_IDS = st.integers(min_value=1, max_value=naming.LARGEST_GRANT_ID)
PEOPLE = st.text(max_size=60)
# bytes: PostgreSQL identifiers; MongoDB and Atlas allow far more.
ENGINE_LIMITS = {"postgresql": 63, "mongodb": 1_024, "atlas": 1_024}


class TestUsernameFor:
    @pytest.mark.parametrize(
        ("person", "username"),
        [
            ("alice", "jit-acme1-alice-77"),
            ("Alice.O'Archer", "jit-acme1-alice-o-archer-77"),
            ("Zoë Ångström", "jit-acme1-zoe-angstrom-77"),
            ("Женя", "jit-acme1-someone-77"),
            ("", "jit-acme1-someone-77"),
            ("--", "jit-acme1-someone-77"),
            ("a" * 100, f"jit-acme1-{'a' * 20}-77"),
            ("nineteen-letters-xx-yy", "jit-acme1-nineteen-letters-xx-77"),
            ('x"; DROP ROLE admin; --\n$where', "jit-acme1-x-drop-role-admin-wh-77"),
            ("alice-9", "jit-acme1-alice-9-77"),
        ],
    )
    def test_is_readable(self, person: str, username: str) -> None:
        assert naming.username_for(installation="acme1", grant_id=77, person=person) == username

    @given(INSTALLATIONS, GRANT_IDS, PEOPLE)
    def test_is_safe_and_fits_every_engine(self, installation: str, grant_id: int, person: str) -> None:
        username = naming.username_for(installation=installation, grant_id=grant_id, person=person)
        role_name = naming.role_name_for(username, naming.LARGEST_ORDINAL)

        for name in (username, role_name):
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
            assert all(len(name.encode()) <= limit for limit in ENGINE_LIMITS.values())

    @given(st.tuples(INSTALLATIONS, GRANT_IDS, PEOPLE), st.tuples(INSTALLATIONS, GRANT_IDS, PEOPLE))
    def test_is_shared_by_no_two_grants(self, one: tuple[str, int, str], other: tuple[str, int, str]) -> None:
        assume(one[:2] != other[:2])

        assert _username(one) != _username(other)

    @given(INSTALLATIONS, GRANT_IDS, PEOPLE)
    def test_tells_its_grant_again(self, installation: str, grant_id: int, person: str) -> None:
        username = naming.username_for(installation=installation, grant_id=grant_id, person=person)

        assert naming.grant_id_of(username, installation) == grant_id
        assert naming.looks_like_ours(username, installation)

    @pytest.mark.parametrize("installation", ["", "abc", "a" * 13, "ACME", "ac-me", "acmé", "acme\n"])
    def test_refuses_an_installation_that_could_be_mistaken(self, installation: str) -> None:
        with pytest.raises(naming.InvalidName, match="installation"):
            naming.username_for(installation=installation, grant_id=1, person="alice")

    @pytest.mark.parametrize("grant_id", [0, -1, naming.LARGEST_GRANT_ID + 1])
    def test_refuses_what_is_no_id(self, grant_id: int) -> None:
        with pytest.raises(naming.InvalidName, match="grant"):
            naming.username_for(installation="acme1", grant_id=grant_id, person="alice")


class TestLooksLikeOurs:
    @pytest.mark.parametrize(
        "name",
        [
            *(
                "alice",
                "root",
                "jit-acme1-77",
                "jit-acme1--77",
                "jit-acme1-alice",
                "jit-acme1-alice-0",
                "jit-acme1-alice-077",
            ),
            *(
                "JIT-acme1-alice-77",
                "jit-acme1-alice-77 ",
                "jit-acme1-alice-77\n",
                "xjit-acme1-alice-77",
                "jit-acme1-Alice-77",
            ),
            *(
                "jit-acme2-alice-77",
                "jit-acme1x-alice-77",
                f"jit-acme1-{'a' * 21}-77",
                "jit-acme1-alice-9999999999999999999",
            ),
            *(
                "jit-acme1-alice-77-r0",
                "jit-acme1-alice-77-r1000",
                "jit-acme1-alice-77-r1-r2",
                "jit-acme1-alice-\u0667",
            ),
        ],
    )
    def test_leaves_other_names_alone(self, name: str) -> None:
        assert not naming.looks_like_ours(name, "acme1")
        assert naming.grant_id_of(name, "acme1") is None

    def test_knows_users_and_roles_of_ours(self) -> None:
        assert naming.looks_like_ours("jit-acme1-alice-77", "acme1")
        assert naming.looks_like_ours("jit-acme1-alice-77-r2", "acme1")

    @given(st.text(alphabet="jit-acme1r0279", max_size=40))
    def test_takes_only_names_that_we_would_give(self, name: str) -> None:
        grant_id = naming.grant_id_of(name, "acme1")

        if grant_id is not None:
            who = name.removeprefix("jit-acme1-").removesuffix(f"-{grant_id}")
            assert naming.username_for(installation="acme1", grant_id=grant_id, person=who) == name


class TestRoleNames:
    @given(INSTALLATIONS, GRANT_IDS, PEOPLE, st.integers(min_value=1, max_value=naming.LARGEST_ORDINAL))
    def test_tell_their_user_again(self, installation: str, grant_id: int, person: str, ordinal: int) -> None:
        username = naming.username_for(installation=installation, grant_id=grant_id, person=person)
        role_name = naming.role_name_for(username, ordinal)

        assert naming.username_of_role(role_name) == username
        assert naming.grant_id_of(role_name, installation) is None
        assert naming.username_of_role(username) is None

    @pytest.mark.parametrize(
        "role_name", ["read", "jit-acme1-alice-77", "alice-r1", "jit-acme1-alice-77-r0", "jit-x-y-1-r1"]
    )
    def test_of_others_have_no_user(self, role_name: str) -> None:
        assert naming.username_of_role(role_name) is None

    def test_are_made_for_users_of_ours_only(self) -> None:
        with pytest.raises(naming.InvalidName, match="alice"):
            naming.role_name_for("alice", 1)

    @pytest.mark.parametrize("ordinal", [0, -1, naming.LARGEST_ORDINAL + 1])
    def test_have_a_small_ordinal(self, ordinal: int) -> None:
        with pytest.raises(naming.InvalidName, match="ordinal"):
            naming.role_name_for("jit-acme1-alice-77", ordinal)


def _username(parts: tuple[str, int, str]) -> str:
    installation, grant_id, person = parts
    return naming.username_for(installation=installation, grant_id=grant_id, person=person)


class TestSubjects:
    def test_are_spelled_as_the_target_compares_them(self) -> None:
        assert naming.subject_of("jit-acme1-alice-77") == "CN=jit-acme1-alice-77,O=access-grants"

    def test_tell_whose_certificate_it_is(self) -> None:
        for method in ("x509", "x509_managed"):
            assert naming.named_in_subject(naming.certified("jit-acme1-alice-77", method)) == "jit-acme1-alice-77"
        assert naming.certified("jit-acme1-alice-77", "scram") == "jit-acme1-alice-77"

    @pytest.mark.parametrize(
        "subject",
        [
            "jit-acme1-alice-77",
            "CN=prod-app",
            "jit-acme1-alice-77,O=access-grants",
            "CN=prod-app,O=access-grants",
            "CN=jit-acme1-alice-77,O=Corp",
            "O=access-grants,CN=jit-acme1-alice-77",
        ],
    )
    def test_of_others_are_not_ours(self, subject: str) -> None:
        assert naming.named_in_subject(subject) is None
