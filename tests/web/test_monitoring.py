"""Guards what machines watch: alive, ready only when it is safe to serve, and numbers for those who may read them."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import ANY

import psycopg
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from psycopg import sql
from pytest_django import DjangoAssertNumQueries, Settings

from accessrequests.models import OutboxMessage
from accessrequests.operations import grants, targets
from accessrequests.queries import health
from tests.api.world import active_grant
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.servers import APPLICATION


class TestHealthz:
    def test_touches_nothing(self, db: None, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_max_num_queries(0):
            answer = Client().get("/healthz")

        assert (answer.status_code, answer.json()) == (200, {"alive": True})


class TestReadyz:
    def test_answers_200_when_all_is_well(self, db: None) -> None:
        assert Client().get("/readyz").json() == {"ready": True}

    def test_names_a_migration_that_is_missing(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        needed = health._needed_migrations()
        assert ("accessrequests", "0001_tables") in needed
        monkeypatch.setattr(health, "_needed_migrations", lambda: {*needed, ("accessrequests", "9999_later")})

        answer = Client().get("/readyz")

        assert (answer.status_code, answer.json()) == (503, {"ready": False, "detail": ANY})
        assert "accessrequests.9999_later" in answer.json()["detail"]

    @pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
    def test_refuses_a_role_that_can_change_the_audit_trail(
        self, committed: None, owner_connection: psycopg.Connection, right: str
    ) -> None:
        table, role = sql.Identifier("accessrequests_auditevent"), sql.Identifier(APPLICATION)
        owner_connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), table, role))
        try:
            answer = Client().get("/readyz")
        finally:
            owner_connection.execute(sql.SQL("REVOKE {} ON {} FROM {}").format(sql.SQL(right), table, role))

        assert answer.status_code == 503
        assert "can change the audit trail" in answer.json()["detail"]


class TestMetrics:
    def test_are_for_this_machine_only_without_a_token(self, db: None) -> None:
        client = Client()

        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 401
        assert client.get("/metrics", REMOTE_ADDR="").status_code == 401
        assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401

    def test_are_for_the_token_when_there_is_one(self, db: None, settings: Settings) -> None:
        settings.ACCESS_METRICS_TOKEN = "a metrics token"
        client = Client()

        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        answer = client.get("/metrics", headers={"Authorization": "Bearer a metrics token"}, REMOTE_ADDR="192.0.2.7")
        assert answer.status_code == 200

    def test_say_whether_promises_are_kept(self, cast: Cast, clock: MovableClock) -> None:
        OutboxMessage.objects.all().delete()
        calm = read_gauges()
        ending, expired = active_grant(cast), active_grant(cast)
        clock.advance(timedelta(hours=3))
        grants.expire(grant_id=ending.pk)
        clock.advance(timedelta(seconds=30))
        targets.mark_unreachable(slug="shop-prod", why="no answer")

        late = read_gauges()
        grants.expire(grant_id=expired.pk)
        grants.mark_cut(grant_id=ending.pk, evidence={})

        assert calm == {
            "access_overdue_revocations": 0, "access_oldest_ready_message_seconds": 0, "access_unreachable_targets": 0,
            "access_quarantined": 0,
        }  # fmt: skip
        assert (late["access_overdue_revocations"], late["access_unreachable_targets"]) == (2, 1)
        assert late["access_oldest_ready_message_seconds"] > 3 * 3600
        assert read_gauges()["access_overdue_revocations"] == 0


def read_gauges() -> dict[str, float]:
    lines = Client().get("/metrics").content.decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("access_")}


class TestBrowsersAndRobots:
    def test_find_the_icon_at_the_old_address_too(self) -> None:
        answer = Client().get("/favicon.ico")

        assert (answer.status_code, answer["Location"]) == (302, "/static/favicon.svg")
        assert finders.find("favicon.svg")

    def test_are_told_to_index_nothing(self) -> None:
        assert Client().get("/robots.txt").content.decode() == "User-agent: *\nDisallow: /\n"
