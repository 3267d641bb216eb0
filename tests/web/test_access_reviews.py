"""Guards the pages of access reviews: who sees what, one press for several, a sheet without formulas, the last word."""

from __future__ import annotations

import csv
import io

import pytest

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Via
from accessrequests.models import Grant, ReviewCampaign
from accessrequests.operations import access_reviews
from tests import make
from tests.make import Cast
from tests.reviews import ERRANDS, OWN, answer, item_of, stand_ourselves, stand_there, start
from tests.web.browser import signed_in, text_of
from tests.web.grants import live


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return live(cast.alice, cast.bob)


@pytest.fixture
def campaign(grant: Grant, cast: Cast) -> ReviewCampaign:
    stand_there(ERRANDS, '=cmd|"/c calc"!A1@admin')
    return start(cast.erin)


def page_of(campaign: ReviewCampaign, more: str = "") -> str:
    return f"/access-reviews/{campaign.pk}/{more}"


def test_one_press_answers_several_and_ends_what_is_ours(campaign: ReviewCampaign, grant: Grant, cast: Cast) -> None:
    bob = signed_in(cast.bob)
    here = [str(item.pk) for item in campaign.items.all()]

    nothing = bob.post(page_of(campaign, "answer/"), answer="keep", here=here)
    assert (nothing.status_code, campaign.items.filter(answer="").count()) == (422, 3)
    assert "Tick at least one access" in text_of(nothing)
    unreasoned = bob.post(page_of(campaign, "answer/"), answer="end", here=here, everything="1")
    assert unreasoned.status_code == 422
    assert "Say why" in text_of(unreasoned)

    done = bob.post(
        page_of(campaign, "answer/"), answer="end", here=here, everything="1", reason="Over.", only_target="shop-prod"
    )

    assert (done.status_code, done["Location"]) == (303, page_of(campaign, "?target=shop-prod"))
    assert set(campaign.items.values_list("answer", flat=True)) == {"end"}
    grant.refresh_from_db()
    assert (grant.state, grant.ended_by) == ("revoking", "bob")
    assert "3 of 3 settled" in text_of(bob.get(page_of(campaign)))


def test_everything_is_without_our_own_login_where_something_ends(cast: Cast) -> None:
    stand_ourselves()
    campaign, bob = start(cast.erin), signed_in(cast.bob)
    ours, theirs = item_of(campaign, OWN), item_of(campaign, ERRANDS)
    page = bob.get(page_of(campaign)).content.decode()
    assert "this product&#x27;s own login" in page
    assert f'name="staying" value="{ours.pk}"' in page
    sent = {"here": [str(theirs.pk)], "staying": [str(ours.pk)], "everything": "1"}

    assert bob.post(page_of(campaign, "answer/"), answer="end", reason="Over.", **sent).status_code == 303
    assert "1 access is to end." in text_of(bob.get(page_of(campaign)))
    alone = bob.post(page_of(campaign, "answer/"), answer="end", reason="Over.", items=[str(ours.pk)])
    assert (alone.status_code, "Keep it, or retire the target first." in text_of(alone)) == (422, True)
    assert (
        bob.post(page_of(campaign, "answer/"), answer="keep", staying=[str(ours.pk)], everything="1").status_code == 303
    )
    assert campaign.items.filter(answer="").count() == 0


def test_lists_are_narrowed_and_paged_with_what_they_were_narrowed_to(campaign: ReviewCampaign, cast: Cast) -> None:
    stand_there(*(f"login-{number:02}@admin" for number in range(60)))
    many = start(cast.erin, name="Many")
    answer(cast.bob, item_of(many, "login-00@admin"))
    bob = signed_in(cast.bob)

    first = bob.get(page_of(many, "?answer=open&target=shop-prod"))
    assert "login-00@admin" not in text_of(first)
    assert "?answer=open&amp;target=shop-prod&amp;page=2" in first.content.decode()
    assert "login-59@admin" in text_of(bob.get(page_of(many, "?answer=open&page=2")))
    assert "login-00@admin" in text_of(bob.get(page_of(many, "?answer=keep")))
    assert "Nothing of that kind" in text_of(bob.get(page_of(many, "?answer=nonsense")))
    assert "Many" in text_of(bob.get("/access-reviews/"))


def test_what_one_gains_by_has_no_box(cast: Cast) -> None:
    grant = live(cast.bob, cast.grace)
    campaign = start(cast.erin)
    box = f'name="items" value="{item_of(campaign, grant.login).pk}"'
    assert box not in signed_in(cast.bob).get(page_of(campaign)).content.decode()
    assert box in signed_in(cast.grace).get(page_of(campaign)).content.decode()


def test_the_sheets_hold_everything_and_no_formula(campaign: ReviewCampaign, grant: Grant, cast: Cast) -> None:
    answer(cast.bob, item_of(campaign, ERRANDS), say=ReviewAnswer.END, reason="=1+1")
    dave = signed_in(cast.dave)

    written = dave.get(page_of(campaign, "export/"))
    rows = list(csv.DictReader(io.StringIO(written.content.decode())))
    printed = text_of(dave.get(page_of(campaign, "print/")))

    assert [row["login"] for row in rows] == [grant.username, '\'=cmd|"/c calc"!A1@admin', ERRANDS]
    assert (rows[2]["answer"], rows[2]["reason"], rows[2]["what_became_of_it"]) == (
        *("to end", "'=1+1"),
        "still stands there",
    )
    assert grant.username in printed
    assert "those who own each target" in printed
    assert "not yet" in printed


def test_an_administrator_starts_one_and_signs_it_off(grant: Grant, cast: Cast) -> None:
    erin = signed_in(cast.erin)
    assert signed_in(cast.dave).get("/access-reviews/start/").status_code == 403
    wrong = erin.post("/access-reviews/start/", name="", days="14")
    assert (wrong.status_code, "Give it a name" in text_of(wrong)) == (422, True)
    nobody = erin.post("/access-reviews/start/", name="Autumn", targets=["shop-staging"], days="14")
    assert "Nobody has access there now" in text_of(nobody)

    sent = {"name": "Autumn", "environments": ["production"], "days": "14", "once": "a-key-of-the-page"}
    first, again = erin.post("/access-reviews/start/", **sent), erin.post("/access-reviews/start/", **sent)

    campaign = ReviewCampaign.objects.get()
    assert first["Location"] == again["Location"] == page_of(campaign)
    assert campaign.environments == ["production"]
    early = erin.post(page_of(campaign, "sign-off/"), note="")
    assert (early.status_code, "still wait" in text_of(early)) == (409, True)
    answer(cast.bob, *campaign.items.all())
    assert "Sign it off" in text_of(erin.get(page_of(campaign)))
    assert erin.post(page_of(campaign, "sign-off/"), note="Seen.").status_code == 303
    assert "Signed off by <b>Erin Engel</b>" in text_of(erin.get(page_of(campaign)))
    assert erin.post(page_of(campaign, "sign-off/"), note="Seen again.").status_code == 303
    assert "It is signed off already, by you, at" in text_of(erin.get(page_of(campaign)))
    assert "“Seen.”" in text_of(signed_in(cast.dave).get(page_of(campaign, "print/")))


def test_an_administrator_cancels_one_with_a_reason(campaign: ReviewCampaign, cast: Cast) -> None:
    erin = signed_in(cast.erin)
    assert "Cancel this review" not in text_of(signed_in(cast.dave).get(page_of(campaign)))
    nothing = erin.press(page_of(campaign), action=page_of(campaign, "cancel/"), reason="")
    assert (nothing.status_code, "Say why, so that an auditor knows" in text_of(nothing)) == (422, True)
    assert (
        erin.press(page_of(campaign), action=page_of(campaign, "cancel/"), reason="A wrong scope.").status_code == 303
    )

    page = text_of(erin.get(page_of(campaign)))
    assert "Cancelled by <b>Erin Engel</b>" in page
    assert "Sign it off" not in page
    assert "never: cancelled" in text_of(signed_in(cast.dave).get(page_of(campaign, "print/")))
    assert 'name="items"' not in text_of(signed_in(cast.bob).get(page_of(campaign)))


def test_it_is_there_for_those_who_review_or_watch(campaign: ReviewCampaign, cast: Cast) -> None:
    for person, status in ((cast.bob, 200), (cast.dave, 200), (cast.erin, 200), (cast.alice, 404), (cast.carol, 404)):
        browser = signed_in(person)
        for more in ("", "export/", "print/"):
            assert browser.get(page_of(campaign, more)).status_code == status, (person, more)
    sent = signed_in(cast.carol).post(page_of(campaign, "answer/"), answer="keep")
    assert sent.status_code == 404
    item = item_of(campaign, ERRANDS)
    access_reviews.answer(
        campaign_id=campaign.pk, item_ids=[item.pk], reviewer=cast.bob, answer=ReviewAnswer.KEEP, via=Via.WEB
    )
    make.apply("bob", groups=["engineering"])
    assert ERRANDS in text_of(signed_in(cast.bob).get(page_of(campaign)))


def test_what_others_review_cannot_be_asked_for_by_number(campaign: ReviewCampaign, cast: Cast) -> None:
    campaign.items.filter(name=ERRANDS).update(reviewers=["security"])
    hidden = item_of(campaign, ERRANDS)

    asked = signed_in(cast.bob).post(page_of(campaign, "answer/"), answer="keep", items=[str(hidden.pk)])

    assert asked.status_code == 422
    assert ERRANDS not in text_of(asked)
