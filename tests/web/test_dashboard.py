"""Guards the dashboard: what lives by target and level, what ends, what nobody uses, waits by week; and whose it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.outside import Kind, Thing
from accessrequests.models import AccessRequest, BreakGlass, Grant, Other, Usage
from accessrequests.operations import outside
from accessrequests.queries import dashboard
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.dashboard import Reach, Standing
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.grants import live

HOUR = timedelta(hours=1)


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return live(cast.alice, cast.bob)


def test_counts_what_lives_and_stands_for_those_who_watch_or_decide(grant: Grant, cast: Cast) -> None:
    make.make_atlas()
    outside.record_others(slug="ecommerce-prod", found=[Thing(Kind.USER, "app@admin"), Thing(Kind.ROLE, "reports")])
    Other.objects.update(first_seen_at=make.now() - timedelta(days=8))
    Grant.objects.filter(pk=grant.pk).update(activated_at=make.now() - 2 * HOUR)
    at = make.now()

    for person in (cast.dave, cast.bob):
        who = belonging_of(person)
        assert dashboard.reach(who, at=at) == [
            Reach("shop-prod", "production", read=1, write=0, admin=0, people=1, ending=1, unused=1)
        ]
        assert dashboard.standing(who, at=at) == [Standing("ecommerce-prod", "production", logins=1, unused=1)]
        assert [one.name for one in dashboard.unused_logins(who, at=at)] == ["app@admin"]
        assert dashboard.unused(who, at=at) == dashboard.ending(who, at=at) == [grant]
    for person in (cast.alice, cast.carol, cast.mallory):
        who = belonging_of(person)
        assert not [*dashboard.reach(who, at=at), *dashboard.standing(who, at=at), *dashboard.unused(who, at=at)]
        assert "Nobody has live access" in text_of(signed_in(person).get("/dashboard/"))


def test_what_was_used_or_read_is_not_called_unused(grant: Grant, cast: Cast) -> None:
    who, at = belonging_of(cast.erin), make.now() + 2 * HOUR
    assert dashboard.unused(who, at=at) == [grant]
    grant.credential.revealed_at = make.now()
    grant.credential.save()
    assert dashboard.unused(who, at=at) == []
    usage = Usage.objects.create(grant=grant, read_until=make.now())
    assert dashboard.unused(who, at=at) == [grant]
    usage.first_login = make.now()
    usage.save()
    assert dashboard.unused(who, at=at) == []


def test_waits_are_counted_by_week_and_for_whom_they_are(grant: Grant, cast: Cast) -> None:
    make.submit(cast.alice, target="shop-dev")  # decided by the policy at once, which is no wait
    asked, at = grant.access_request, make.now()
    for weeks in (0, 1, 20):
        decided = at - timedelta(weeks=weeks)
        AccessRequest.objects.filter(pk=asked.pk).update(filed_at=decided - HOUR, decided_at=decided)
        found = dashboard.weeks(belonging_of(cast.bob), at=at)
        assert [(one.decisions, one.median, one.p95) for one in found] == ([(1, 3600, 3600)] if weeks < 12 else [])
    AccessRequest.objects.filter(pk=asked.pk).update(filed_at=at - HOUR, decided_at=at)
    assert len(dashboard.weeks(belonging_of(cast.dave), at=at)) == 1
    assert dashboard.weeks(belonging_of(cast.carol), at=at) == []


def test_break_glasses_are_counted_by_month_drills_apart(grant: Grant, cast: Cast) -> None:
    at = make.now()
    begun = {"began_at": at, "review_due_at": at, "review_within": HOUR}
    for number, is_drill in enumerate((False, True)):
        asked = grant.access_request if not number else make.submit(cast.alice)
        BreakGlass.objects.create(
            access_request=asked, person=cast.alice, target=grant.target, is_drill=is_drill, incident="INC-1", **begun
        )

    months = dashboard.months(belonging_of(cast.dave), at=at)

    assert len(months) == 12
    assert (months[-1].first, months[-1].uses, months[-1].drills) == (at.date().replace(day=1), 1, 1)
    assert sum(one.uses + one.drills for one in months[:-1]) == 0
    page = text_of(signed_in(cast.dave).get("/dashboard/"))
    assert "1 use and 1 drill in twelve months." in page
    assert f"{at:%b %Y}" in page
