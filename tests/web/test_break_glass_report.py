"""Guards the report of break-glass: who reads it, what it counts, and that Health says what would not work."""

from __future__ import annotations

from accessrequests.domain.reviews import Finding
from accessrequests.models import OutboxMessage
from accessrequests.operations import break_glass
from tests import glass, make
from tests.make import Cast
from tests.web.browser import signed_in, text_of


def test_counts_drills_apart_and_says_what_is_taken_too_often(cast: Cast) -> None:
    first = glass.broken(cast.frank)
    glass.ended(first)
    glass.reviewed(first, cast.carol)
    make.apply("alice", groups=["on-call"])
    glass.broken(cast.alice, reason="=1+1 is what a sheet would work out.")
    make.apply("bob", groups=["on-call"])
    glass.ended(drill := glass.broken(cast.bob, is_drill=True))
    glass.reviewed(drill, cast.carol, Finding.DRILL)

    page = text_of(signed_in(cast.dave).get("/break-glass/report/"))
    sheet = text_of(signed_in(cast.erin).get("/break-glass/report/export/"))

    assert "was taken 2 times" in page
    assert "1 drill, 1 real" in " ".join(page.split())
    assert "1 not reviewed" in page
    assert len(sheet.strip().splitlines()) == 4
    assert ",=1+1" not in sheet


def test_another_month_is_empty_and_a_month_that_is_none_is_this_one(cast: Cast) -> None:
    glass.broken(cast.frank)
    dave = signed_in(cast.dave)

    assert "Nobody broke the glass in this month." in text_of(dave.get("/break-glass/report/?month=2020-01"))
    for nonsense in ("2020-13", "x-1", "99999-1", "0-0"):
        assert "Frank Fischer" in text_of(dave.get(f"/break-glass/report/?month={nonsense}"))


def test_what_would_not_work_is_red_on_health_too(cast: Cast) -> None:
    parts = [{"part": "mail", "why": "It does not answer."}, {"part": "the way to shop-prod", "why": ""}]
    break_glass.note_self_test(parts=parts)
    glass.broken(cast.frank)
    OutboxMessage.objects.filter(event="breakglass.activated", job="notify").update(failures=1, last_error="Away.")

    for address in ("/break-glass/report/", "/health/"):
        page = text_of(signed_in(cast.erin).get(address))
        assert "An alarm has not got through by mail." in page
        assert "not all of it" in page
    assert "It does not answer." in text_of(signed_in(cast.erin).get("/break-glass/report/"))


def test_an_administrator_has_it_tested_now(cast: Cast) -> None:
    answer = signed_in(cast.erin).press("/break-glass/report/", action="/break-glass/test/")

    assert answer.status_code == 303
    assert OutboxMessage.objects.filter(job="self_test", done_at=None).count() == 1
