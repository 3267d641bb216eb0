"""Guards the page of health: who may look, that what is late comes first and can be hurried, and that it stays cheap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Job
from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage, Target
from accessrequests.operations import grants
from accessrequests.queries import charts, health, watch
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import gone, live


def trail() -> list[tuple[str, str, str]]:
    """Event, actor and way of each audit event, oldest first."""
    return list(AuditEvent.objects.order_by("sequence").values_list("event", "actor", "via"))


def overdue_grant(cast: Cast) -> Grant:
    """A grant whose revocation does not succeed."""
    grant = live(cast.alice, cast.bob)
    grants.end(grant_id=grant.pk, reason=EndReason.DRIFT, note="changed")
    grants.note_revocation_failure(grant_id=grant.pk, sentence="The target closed the connection.")
    Grant.objects.filter(pk=grant.pk).update(revocation_started_at=make.now() - timedelta(minutes=3))
    grant.refresh_from_db()
    return grant


def gone_at_once(grant: Grant) -> None:
    """Cut off in no time, however slow the machine."""
    gone(grant)
    Grant.objects.filter(pk=grant.pk).update(cut_at=F("revocation_started_at"))


class TestWhoMayLook:
    @pytest.mark.parametrize("name", ["alice", "bob", "carol", "frank", "grace", "mallory"])
    def test_others_are_told_why_not(self, cast: Cast, name: str) -> None:
        answer = signed_in(getattr(cast, name)).get("/health/")

        assert answer.status_code == 403
        assert "Only administrators and auditors" in text_of(answer)

    def test_auditors_look_and_press_nothing(self, cast: Cast) -> None:
        overdue_grant(cast)

        assert "End it again now" not in text_of(signed_in(cast.dave).get("/health/"))
        assert "End it again now" in text_of(signed_in(cast.erin).get("/health/"))


class TestThePage:
    def test_says_first_what_may_still_work_and_why(self, cast: Cast) -> None:
        grant = overdue_grant(cast)

        text = text_of(signed_in(cast.erin).get("/health/"))

        assert "Past their end, and may still work" in text
        assert "The target closed the connection." in text
        assert grant.username in text
        assert "3 min ago" in text
        assert health.overdue(make.now()).count() == 1

    def test_is_told_to_administrators_on_every_page(self, cast: Cast) -> None:
        overdue_grant(cast)

        filed = f"/requests/{AccessRequest.objects.get().pk}/"
        for path in ("/access/", "/targets/", "/audit/", "/approvals/", "/approvals/?show=live", filed):
            assert "past its end may still work" in text_of(signed_in(cast.erin).get(path)), path
        assert "past its end may still work" not in text_of(signed_in(cast.dave).get("/access/"))

    def test_counts_what_the_relay_has_not_begun_to_end(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        Grant.objects.filter(pk=grant.pk).update(expires_at=make.now() - timedelta(minutes=1))

        assert health.overdue(make.now()).count() == 1
        assert grant.username in text_of(signed_in(cast.dave).get("/health/"))

    def test_names_targets_that_are_away_and_parts_that_are_silent(self, cast: Cast) -> None:
        Target.objects.filter(slug="shop-prod").update(unreachable_since=make.now() - timedelta(hours=2))

        text = text_of(signed_in(cast.dave).get("/health/"))

        assert "away for 2 h" in text
        assert "it has never given a sign of life" in text

    def test_knows_who_is_alive(self, cast: Cast) -> None:
        at = make.now()
        OutboxMessage.objects.create(
            job=Job.PROVE_ALIVE.value, queue="reconcile", lane="x", subject="consumer/relay",
            created_at=at, ready_at=at, done_at=at,
        )  # fmt: skip

        alive = {sign.who: sign.is_alive for sign in watch.figures(at).signs}

        assert alive == {"relay": True, "worker": False, "worker_urgent": False}

    def test_says_how_long_the_oldest_message_waits(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        OutboxMessage.objects.filter(queue="provision").update(ready_at=make.now() - timedelta(minutes=5))

        assert "the oldest for 5 min" in text_of(signed_in(cast.dave).get("/health/"))

    def test_draws_charts_with_their_numbers_beside(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.end(grant_id=grant.pk, reason=EndReason.DRIFT, note="changed")
        gone_at_once(grant)

        text = text_of(signed_in(cast.dave).get("/health/"))

        assert text.count('<svg class="chart"') == 3
        assert "1 of 1 in seven days were cut off within a second." in text
        assert "style=" not in text
        assert text.count('<svg class="chart key"') == 4, "a legend for each chart of two tones"
        found = charts.numbers(at=make.now())
        assert [wait.decisions for wait in found.waits] == [1]
        assert (found.lags[0].week, found.lags[0].day) == (1, 1)
        assert (len(found.live), found.live[-1].grants) == (charts.DAYS, 1)

    def test_counts_what_is_still_open_among_what_was_to_be_cut_off(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        grants.end(grant_id=grant.pk, reason=EndReason.DRIFT, note="changed")
        gone_at_once(grant)
        overdue_grant(cast)

        text = text_of(signed_in(cast.dave).get("/health/"))

        assert "1 of 2 in seven days were cut off within a second; 1 is still open." in text

    def test_tells_once_that_the_target_is_away_and_leads_to_what_is_late(self, cast: Cast) -> None:
        grant = overdue_grant(cast)
        grants.note_revocation_failure(grant_id=grant.pk, sentence="The target does not answer.")
        Target.objects.filter(slug="shop-prod").update(unreachable_since=make.now())

        text = text_of(signed_in(cast.erin).get("/health/"))

        assert text.count("The target does not answer.") == 1
        assert 'href="/health/#overdue"' in text

    def test_tells_what_is_scheduled_from_what_is_being_set_up(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        make.approved_grant(cast.grace, cast.bob, starts_at=make.now() + timedelta(hours=3))

        figures = watch.figures(make.now())

        assert (figures.pending_grants, figures.scheduled_grants) == (1, 1)

    def test_a_part_of_it_is_asked_for_by_itself(self, cast: Cast) -> None:
        text = text_of(signed_in(cast.dave).get("/health/", headers={"HX-Request": "true"}))

        assert "Ending access" in text
        assert "<html" not in text

    def test_is_cheap_with_many_rows(self, cast: Cast) -> None:
        costs = []
        for _ in range(2):
            overdue_grant(cast)
            browser = signed_in(cast.erin)
            with CaptureQueriesContext(connection) as captured:
                assert browser.get("/health/").status_code == 200
            costs.append(len(captured))
        assert costs[0] == costs[1]
        assert costs[0] <= 17, costs


class TestHurry:
    def test_brings_the_next_try_forward(self, cast: Cast) -> None:
        grant = overdue_grant(cast)
        waiting = OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(grant))
        waiting.update(ready_at=make.now() + timedelta(minutes=1), sent_at=make.now())

        answer = signed_in(cast.erin).press("/health/", action=f"/health/{grant.pk}/hurry/")

        assert (answer.status_code, answer["Location"]) == (303, "/health/")
        message = waiting.get()
        assert message.ready_at <= make.now()
        assert message.sent_at is None
        assert trail()[-1] == ("grant.revocation_hurried", "erin", "web")

    def test_begins_what_was_never_begun(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)
        Grant.objects.filter(pk=grant.pk).update(expires_at=make.now() - timedelta(minutes=1))

        assert signed_in(cast.erin).post(f"/health/{grant.pk}/hurry/").status_code == 303

        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoking", "expiry")
        assert OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(grant)).count() == 1

    def test_of_what_is_not_over_or_is_cut_changes_nothing(self, cast: Cast) -> None:
        early, late = live(cast.alice, cast.bob), overdue_grant(cast)
        gone(late)
        before = trail()

        for grant in (early, late):
            assert signed_in(cast.erin).post(f"/health/{grant.pk}/hurry/").status_code == 409

        assert trail() == before

    @pytest.mark.parametrize("name", ["alice", "bob", "dave", "mallory"])
    def test_is_for_administrators(self, cast: Cast, name: str) -> None:
        grant = overdue_grant(cast)

        assert signed_in(getattr(cast, name)).post(f"/health/{grant.pk}/hurry/").status_code == 403
        assert trail()[-1][0] == "grant.refused"
