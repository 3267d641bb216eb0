"""Sealing keys change while secrets live: nothing is lost, the old key is said to be needed until it is not, and no copy opens."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import connection
from psycopg import sql
from pytest_django import Settings

from accessrequests import sealing
from accessrequests.domain.events import Via
from accessrequests.models import ConnectionToken, Credential, Grant, Identity
from accessrequests.operations import credentials, reseal, second_factors
from accessrequests.operations.refusals import Spent
from accessrequests.queries.sealed import purpose_of_tokens
from tests import glass, make
from tests.make import Cast
from tests.management.commands import refused, run
from tests.operations import provider_words
from tests.traces import Traces, everything, leaves_nothing, refuses

OLD, NEW = (f"{name}:{base64.urlsafe_b64encode(name.encode()[:1] * 32).decode()}" for name in ("old", "new"))
TOKENS = '{"refresh": "a-token-of-the-provider"}'
SEALED = re.compile(r"^[\w-]+\.[A-Za-z0-9_-]{38,}=*$")


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.ACCESS_SEALING_KEYS = OLD


@pytest.fixture
def identity(cast: Cast) -> Identity:
    return Identity.objects.get(person=provider_words.arrive(TOKENS))


@pytest.fixture
def seed(cast: Cast) -> str:
    seed = glass.add_second_factor(cast.frank)
    RecoveryCodes.activate(cast.frank)
    return seed


def password_of(grant: Grant, cast: Cast) -> str:
    return credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API).password


class TestRotation:
    def test_loses_nothing_and_says_when_the_old_key_is_not_needed(
        self, cast: Cast, active: Grant, identity: Identity, seed: str, settings: Settings
    ) -> None:
        other = make.active_grant(cast.alice, cast.bob)
        settings.ACCESS_SEALING_KEYS = f"{NEW},{OLD}"
        assert password_of(active, cast), "An unread password of the old key opens."
        with leaves_nothing():
            said = refused("reseal", "--check")
        assert said == (
            "Still sealed with an older key: old: 2 second factors, 1 tokens of the provider of sign-ins, "
            "1 unread passwords and certificates."
        )
        traces, codes = Traces(), RecoveryCodes.activate(cast.frank).get_unused_codes()

        said = run("reseal")

        assert said == (
            "Sealed anew with new: 4.\n"
            "The key old is not needed any more. It can be taken out of ACCESS_SEALING_KEYS.\n"
            "Nothing is sealed with another key than new.\n"
        )
        assert [(event, subject) for event, _, subject in traces.events()] == [
            ("database.resealed", "database/product")
        ] * 3
        assert not [place for _, place, text in columns() if text.startswith("old.")]
        settings.ACCESS_SEALING_KEYS = NEW
        with leaves_nothing():
            assert run("reseal") == "Sealed anew with new: 0.\nNothing is sealed with another key than new.\n"
        assert password_of(other, cast)
        assert second_factors.spend(person=cast.frank, code=glass.code_of(seed))
        for code in (glass.code_of(seed, ahead=1), codes[0]):
            second_factors.prove(person=cast.frank, code=code, subject="target/shop-prod")
        identity.refresh_from_db()
        assert sealing.open_sealed(bytes(identity.sealed_tokens or b""), purpose=purpose_of_tokens(identity)) == TOKENS

    def test_leaves_what_nobody_can_open_and_names_its_key(self, cast: Cast, active: Grant, settings: Settings) -> None:
        settings.ACCESS_SEALING_KEYS = NEW

        with leaves_nothing():
            assert reseal.passwords(actor=make.OPERATOR) == 0
            assert "old (not in ACCESS_SEALING_KEYS): 1 unread passwords" in refused("reseal")

        with refuses(Spent, match="A new one can be made"):
            password_of(active, cast)
        credentials.rotate(grant_id=active.pk, person=cast.alice, via=Via.API)
        credentials.mark_rotated(grant_id=active.pk, generation=Credential.objects.get(grant=active).generation)
        assert password_of(active, cast)

    def test_of_keys_that_are_none_is_refused_in_a_sentence(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_SEALING_KEYS = "rubbish"

        assert "ACCESS_SEALING_KEYS must hold" in refused("reseal")


class TestDump:
    def test_without_the_keys_opens_nothing(
        self, cast: Cast, active: Grant, identity: Identity, seed: str, settings: Settings
    ) -> None:
        """What is sealed is found by looking at every column of every table, not by a list of them."""
        token, secret = "an-access-token-of-atlas", "the-secret-of-the-account"
        ConnectionToken.objects.create(
            account="atlas", sealed=sealing.seal(token, purpose="atlas", keys=sealing.key_of(secret)), round=1
        )
        (password,) = [
            sealing.open_sealed(bytes(one.sealed or b""), purpose=purpose)
            for one in Credential.objects.filter(grant=active)
            for purpose in [f"{settings.ACCESS_INSTALLATION}/grant/{active.pk}/{active.holder_id}/{one.generation}"]
        ]
        codes = RecoveryCodes.activate(cast.frank).get_unused_codes()
        dump = "\n".join(row for _, row in everything())

        for canary in (password, seed, token, secret, "a-token-of-the-provider", codes[0]):
            for written in (canary, canary.encode().hex(), base64.b64encode(canary.encode()).decode().rstrip("=")):
                assert written not in dump
        found = {(table, place) for table, place, text in columns() if SEALED.match(text)}
        assert found == {
            ("accessrequests_credential", "sealed"),
            ("accessrequests_identity", "sealed_tokens"),
            ("accessrequests_connectiontoken", "sealed"),
            ("mfa_authenticator", "data.secret"),
            ("mfa_authenticator", "data.seed"),
        }


def columns() -> list[tuple[str, str, str]]:
    """Table, place and text of everything that any row holds, also within documents."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(table)).as_string())
            for (row,) in cursor.fetchall():
                found += [(table, place, text) for place, text in _texts("", json.loads(row))]
    return found


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each text with the path to it; a blob as the text that its bytes are."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(f"{place}.{key}" if place else key, one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(place, one)
    elif isinstance(value, str):
        yield place, bytes.fromhex(value[2:]).decode(errors="replace") if value.startswith("\\x") else value
