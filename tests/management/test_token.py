"""Guards `manage.py token`: the secret alone is printed, once; only its hash is kept; a revoked one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import AuditEvent, PersonalToken
from accessrequests.queries import clock, people
from tests.make import Cast
from tests.management.commands import refused, run


class TestCreate:
    def test_prints_the_secret_alone(self, cast: Cast) -> None:
        said = run("token", "create", "alice", "--scopes", "read,request", "--name", "laptop")

        token = people.person_by_token(said.strip(), at=clock.now())
        event = AuditEvent.objects.filter(event="token.created").get()
        assert said.count("\n") == 1
        assert token is not None
        assert (token.person, token.name, token.scopes, token.expires_at) == (
            cast.alice,
            "laptop",
            ["read", "request"],
            None,
        )
        assert (event.subject, event.via) == ("person/alice", "command")
        assert said.strip() not in str(event.facts)
        assert said.strip() not in token.digest

    def test_can_end_by_itself(self, cast: Cast) -> None:
        run("token", "create", "alice", "--scopes", "read", "--name", "week", "--days", "7")

        token = PersonalToken.objects.get()
        assert token.expires_at is not None
        assert timedelta(days=6) < token.expires_at - clock.now() <= timedelta(days=7)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["zoe", "--scopes", "read", "--name", "x"], "There is nobody called zoe"),
            (["alice", "--scopes", "root", "--name", "x"], "root is not yours to have"),
            (["alice", "--scopes", "admin", "--name", "x"], "admin is not yours to have"),
            (["alice", "--scopes", ",", "--name", "x"], "Choose among"),
            (["alice", "--scopes", "read", "--name", " "], "Give the token a name"),
            (["alice", "--scopes", "read", "--name", "x", "--days", "0"], "--days is a number"),
        ],
    )
    def test_refuses_and_makes_nothing(self, cast: Cast, arguments: list[str], sentence: str) -> None:
        assert sentence in refused("token", "create", *arguments)
        assert not PersonalToken.objects.exists()


class TestRevoke:
    def test_the_token_is_refused_from_then_on(self, cast: Cast) -> None:
        secret = run("token", "create", "alice", "--scopes", "read", "--name", "laptop").strip()
        token = PersonalToken.objects.get()

        run("token", "revoke", str(token.pk))

        assert people.person_by_token(secret, at=clock.now()) is None
        assert AuditEvent.objects.filter(event="token.revoked", subject="person/alice").count() == 1

    def test_says_that_it_is_revoked_already_or_not_there(self, cast: Cast) -> None:
        run("token", "create", "alice", "--scopes", "read", "--name", "laptop")
        number = str(PersonalToken.objects.get().pk)
        run("token", "revoke", number)

        assert "revoked already" in refused("token", "revoke", number)
        assert "There is no token 999999." in refused("token", "revoke", "999999")
