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

from accessrequests.models import Grant, OutboxMessage, Target
from accessrequests.operations import grants, targets
from accessrequests.queries import health, metrics
from tests import make
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
        grants.mark_cut(cuts=[grants.Cut(ending.pk, {})])

        names = ("overdue_revocations", "oldest_ready_message_seconds", "unreachable_targets", "quarantined")
        assert [calm[f"access_{name}"] for name in names] == [0, 0, 0, 0]
        assert (late["access_overdue_revocations"], late["access_unreachable_targets"]) == (2, 1)
        assert late["access_oldest_ready_message_seconds"] > 3 * 3600
        assert read_gauges()["access_overdue_revocations"] == 0

    def test_say_how_late_access_was_cut_in_the_last_hour(self, cast: Cast, clock: MovableClock) -> None:
        """Two at their end, 2 and 4 s late, and one that somebody ended, at once; later none of them is of the hour."""
        before = read_gauges()
        late = [active_grant(cast), active_grant(cast)]
        ends = [grant.expires_at for grant in late]
        early = active_grant(cast)
        for grant, end, seconds in zip(late, ends, (2, 4), strict=True):
            assert end is not None
            ended = {"state": "revoking", "end_reason": "expiry", "revocation_started_at": end}
            Grant.objects.filter(pk=grant.pk).update(**ended, cut_at=end + timedelta(seconds=seconds))
        assert ends[0] is not None
        ended = {"state": "revoking", "end_reason": "revoked", "revocation_started_at": ends[0]}
        Grant.objects.filter(pk=early.pk).update(**ended, cut_at=ends[0])
        clock.advance(ends[0] - make.now() + timedelta(minutes=1))

        after = read_gauges()
        clock.advance(timedelta(hours=2))

        lag = 'access_revocation_lag_seconds{quantile="%s"}'
        assert (before["access_cut_grants_last_hour"], after["access_cut_grants_last_hour"]) == (0, 3)
        assert lag % "0.99" not in before
        assert [after[lag % quantile] for quantile in ("0.5", "0.99", "1")] == [2, pytest.approx(3.96), 4]
        assert read_gauges()["access_cut_grants_last_hour"] == 0

    def test_see_how_late_the_oldest_grant_of_many_was_cut(
        self, cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who was given access for weeks loses it as late as anybody, though thousands were made since."""
        monkeypatch.setattr(metrics, "MOST_ROWS", 1)
        oldest, _newer = active_grant(cast), active_grant(cast)
        clock.advance(timedelta(hours=3))
        assert oldest.expires_at is not None
        ended = {"state": "revoking", "end_reason": "expiry", "revocation_started_at": oldest.expires_at}
        Grant.objects.filter(pk=oldest.pk).update(**ended, cut_at=make.now() - timedelta(seconds=1))
        late = (make.now() - timedelta(seconds=1) - oldest.expires_at).total_seconds()

        assert read_gauges()['access_revocation_lag_seconds{quantile="1"}'] == pytest.approx(late, abs=5)

    def test_say_what_waits_in_each_queue_and_which_target_is_away(self, cast: Cast, clock: MovableClock) -> None:
        OutboxMessage.objects.all().delete()
        grant = active_grant(cast)
        clock.advance(timedelta(hours=3))
        OutboxMessage.objects.all().delete()
        targets.mark_unreachable(slug="shop-prod", why="no answer")
        Target.objects.filter(slug="shop-dev").update(clock_skew=-2.5, warnings=["Give it less."])
        grants.expire(grant_id=grant.pk)
        OutboxMessage.objects.filter(job="revoke").update(failures=1)
        behind = OutboxMessage.objects.get(job="revoke")
        behind.pk, behind.ready_at = None, behind.ready_at - timedelta(hours=1)
        behind.save()  # it waits for the one before it in its lane, and for nothing else
        clock.advance(timedelta(minutes=2))

        told = read_gauges()

        assert 120 <= told['access_queue_oldest_ready_seconds{queue="revoke"}'] < 180
        assert told['access_queue_ready_messages{queue="revoke"}'] == 1
        assert told['access_queue_failing_messages{queue="revoke"}'] == 1
        assert told['access_queue_oldest_ready_seconds{queue="provision"}'] == 0
        assert told['access_grants{state="revoking"}'] == 1
        assert 120 <= told['access_target_silent_seconds{target="shop-prod"}'] < 180
        assert told['access_target_silent_seconds{target="shop-dev"}'] == 0
        assert told['access_target_clock_skew_seconds{target="shop-dev"}'] == 2.5
        assert told['access_target_warnings{target="shop-dev"}'] == 1
        assert told["access_audit_anchor_known"] == 0, "There is none here, and nobody is told an age of it."
        assert "access_audit_anchor_age_seconds" not in told


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
