"""Guards `manage.py people`: what the file says becomes rows and audit events; what we do not understand changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from accessrequests.models import AuditEvent, Group, Membership, Person
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run, typed, written


def document(**people: Any) -> dict[str, Any]:
    return {
        "groups": {"engineering": {}, "auditors": {"role": "auditor"}},
        "people": people or {"zoe": {"name": "Zoe Zink", "email": "zoe@example.com", "groups": ["engineering"]}},
    }


class TestApply:
    def test_makes_people_groups_and_memberships(self, db: None, tmp_path: Path) -> None:
        said = run("people", "apply", written(tmp_path, document()))

        zoe = Person.objects.get(username="zoe")
        assert said == "Applied 1 people and 2 groups.\n"
        assert (zoe.name, zoe.email, zoe.is_active, zoe.has_usable_password()) == (
            "Zoe Zink",
            "zoe@example.com",
            True,
            False,
        )
        assert [m.group.name for m in Membership.objects.filter(person=zoe).current()] == ["engineering"]
        assert Group.objects.get(name="auditors").role == "auditor"
        event = AuditEvent.objects.get(subject="person/zoe")
        assert (event.event, event.via) == ("person.applied", "command")
        assert event.actor.startswith("os:")

    def test_links_a_sign_in_that_a_provider_means(self, db: None, tmp_path: Path) -> None:
        identity = {"issuer": "https://id.example.com/", "subject": "42"}
        zoe = {"name": "Zoe Zink", "email": "zoe@example.com", "groups": [], "identity": identity}

        run("people", "apply", written(tmp_path, document(zoe=zoe)))

        linked = Person.objects.get(username="zoe").identity
        assert (linked.issuer, linked.subject) == ("https://id.example.com", "42")

    def test_takes_the_example_of_the_docs(self, db: None) -> None:
        run("people", "apply", str(Path(__file__).parents[2] / "docs" / "examples" / "people.yaml"))

        assert Person.objects.filter(username="alice", memberships__group__name="engineering").exists()

    def test_ends_the_grants_of_somebody_who_leaves(self, cast: Cast, tmp_path: Path) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        gone = {"name": "Alice Archer", "email": "alice@example.com", "groups": [], "active": False}

        run("people", "apply", written(tmp_path, document(alice=gone)))

        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoking", "person_disabled")

    @pytest.mark.parametrize(
        ("entry", "sentence"),
        [
            ({"name": "Zoe", "email": "zoe@example.com", "admin": True}, "Person zoe: the key admin is unknown."),
            ({"email": "zoe@example.com"}, "Person zoe: the key name is missing."),
            (
                {"name": "Zoe", "email": "zoe@example.com", "identity": {"issuer": "https://id.example.com"}},
                "Person zoe: the key identity must be issuer and subject, each one line of text.",
            ),
            ({"name": 7, "email": "zoe@example.com"}, "Person zoe: the key name must be one line of text."),
            ({"name": "Zoe", "email": "nowhere"}, "Person zoe: the key email must be an e-mail address."),
            ({"name": "Zoe", "email": "z@example.com", "active": "no"}, "the key active must be true or false."),
            ({"name": "Zoe", "email": "z@example.com", "groups": "engineering"}, "the key groups must be a list"),
            ({"name": "Zoe", "email": "z@example.com", "groups": ["ghosts"]}, "there is no group ghosts."),
            ("Zoe", "Person zoe: write it as keys with values"),
        ],
    )
    def test_names_the_key_that_is_wrong_and_changes_nothing(
        self, db: None, tmp_path: Path, entry: Any, sentence: str
    ) -> None:
        said = refused("people", "apply", written(tmp_path, document(zoe=entry)))

        assert sentence in said
        assert not Person.objects.exists()
        assert not Group.objects.exists()
        assert not AuditEvent.objects.exists()

    @pytest.mark.parametrize("name", ["Zoe", "../zoe", "zo e", "\u0430lice", ""])
    def test_refuses_user_names_that_could_be_mistaken(self, db: None, tmp_path: Path, name: str) -> None:
        entry = {"name": "Zoe", "email": "zoe@example.com"}

        said = refused("people", "apply", written(tmp_path, document(**{name: entry})))

        assert "a name is 1 to 64 of a-z" in said

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("people: {zoe: {name: Zoe\n", "is not YAML (line"),
            ("groups: {}\npeople: {}\npeople: {}\n", "line 3, column 1): the key people is written twice"),
            ("- zoe\n", "The document: write it as keys with values"),
            ("!!python/object/apply:os.system ['true']", "is not YAML"),
            ("", "The document: write it as keys with values"),
        ],
    )
    def test_says_where_a_file_is_not_what_it_should_be(
        self, db: None, tmp_path: Path, text: str, sentence: str
    ) -> None:
        assert sentence in refused("people", "apply", written(tmp_path, text))

    def test_says_that_a_file_is_missing(self, db: None, tmp_path: Path) -> None:
        assert "cannot be read: No such file" in refused("people", "apply", str(tmp_path / "none.yaml"))


class TestSetPassword:
    def test_reads_it_from_standard_input_and_never_shows_it(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, "correct-horse-battery\n")

        said = run("people", "set_password", "alice")

        cast.alice.refresh_from_db()
        event = AuditEvent.objects.filter(subject="person/alice").latest("sequence")
        assert cast.alice.check_password("correct-horse-battery")
        assert event.facts == {"password": "set"}
        assert "correct-horse" not in said

    def test_refuses_a_short_one(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, "short\n")

        assert "at least 12 characters" in refused("people", "set_password", "alice")
        cast.alice.refresh_from_db()
        assert not cast.alice.has_usable_password()

    def test_says_that_there_is_nobody_of_that_name(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, "correct-horse-battery\n")

        assert "There is nobody called zoe" in refused("people", "set_password", "zoe")


class TestForgetSecondFactor:
    def test_takes_it_away_and_says_so(self, cast: Cast) -> None:
        Authenticator.objects.create(user=cast.alice, type=Authenticator.Type.TOTP, data={})
        proof = cast.alice.get_session_auth_hash()

        said = run("people", "forget_second_factor", "alice")

        assert said == "alice signs in without a second factor now, and has to sign in again.\n"
        assert not Authenticator.objects.exists()
        assert Person.objects.get(username="alice").get_session_auth_hash() != proof
        event = AuditEvent.objects.get(event="person.second_factor_removed")
        assert (event.subject, event.via) == ("person/alice", "command")
        assert run("people", "forget_second_factor", "alice").endswith("Nothing was changed.\n")

    def test_knows_whom_there_is(self, cast: Cast) -> None:
        assert "nobody called zoe" in refused("people", "forget_second_factor", "zoe")
