"""Guards reviews of access: what is frozen, who may answer, what an answer does at once, and who signs it off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Via
from accessrequests.models import Grant, OutboxMessage, ReviewCampaign, ReviewItem, Usage
from accessrequests.operations import access_reviews, grants, targets
from accessrequests.operations.refusals import IllegalMove, NotReady, NotYours, Refused
from accessrequests.queries import access_reviews as queries
from accessrequests.queries import review_scope, work
from accessrequests.queries.asks import Invalid
from tests import kits, make, standing
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.reviews import ERRANDS, OWN, answer, item_of, names_in, stand_ourselves, stand_there, start
from tests.traces import Traces, refuses


@pytest.fixture
def campaign(active: Grant, cast: Cast) -> ReviewCampaign:
    """Alice's live grant and a login of others, on shop-prod."""
    stand_there()
    return start(cast.erin)


class TestStart:
    def test_freezes_what_stands_there(self, active: Grant, cast: Cast) -> None:
        used = make.now()
        Usage.objects.create(grant=active, read_until=used, last_login=used, logins=3)
        stand_there()
        traces = Traces()

        campaign = start(cast.erin)

        grant, login = campaign.items.order_by("kind")
        assert (grant.kind, grant.grant, grant.name, grant.who) == ("grant", active, active.username, "Alice Archer")
        assert (grant.gains, grant.reviewers, grant.level) == (["alice"], ["data-owners"], "read")
        assert (grant.what, grant.last_used_at, grant.is_use_known) == ("Read shop.orders on shop-prod", used, True)
        assert (login.kind, login.name, login.who, login.what) == ("user", ERRANDS, "", "read@shop")
        assert traces.events() == [("access_review.started", "erin", str(campaign))]
        assert traces.facts("access_review.started")["items"] == 2
        assert traces.jobs() == [("notify", str(campaign))]
        ReviewItem.objects.filter(pk=login.pk).update(what="read@shop")
        stand_there("another@admin")
        assert names_in(campaign) == [active.username, ERRANDS]

    def test_says_whose_a_login_is_and_how_much_it_may(self, cast: Cast) -> None:
        standing.declare()
        users = {**standing.USERS, "root@admin": ["root@admin"]}
        targets.record_inventory(
            slug="shop-prod", roles=make.ROLES, databases=make.DATABASES, clusters={}, quotas={}, users=users
        )
        stand_there("alice@admin", "reporting@admin", "root@admin")

        campaign = start(cast.erin, reviewers=["security"])

        found = {item.name: item for item in campaign.items.all()}
        assert {name: (item.who, item.gains, item.level) for name, item in found.items()} == {
            "alice@admin": ("Alice Archer", ["alice"], "admin"),
            "reporting@admin": ("the service reporting", ["alice", "bob"], "read"),
            "root@admin": ("", [], "admin"),
            "alice@example.com": ("Alice Archer", ["alice"], "read"),
        }
        assert found["alice@example.com"].kind == "member"
        assert found["root@admin"].reviewers == ["security"]

    def test_holds_nothing_of_other_targets(self, active: Grant, cast: Cast) -> None:
        other = make.activated(Grant.objects.get(access_request=make.submit(cast.bob, target="shop-dev")))
        assert names_in(start(cast.erin, targets=())) == [other.username, active.username]
        assert names_in(start(cast.erin, targets=(), environments=["development"])) == [other.username]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": " "}, "name"),
            ({"name": "n" * 121}, "name"),
            ({"targets": ["nowhere"]}, "targets"),
            ({"environments": ["moon"]}, "environments"),
            ({"reviewers": ["nobodies"]}, "reviewers"),
            ({"due_at": None}, "due_at"),
            ({"targets": ["shop-staging"]}, "targets"),
        ],
    )
    def test_is_told_what_is_wrong(self, active: Grant, cast: Cast, changes: dict[str, Any], field: str) -> None:
        if "due_at" in changes:
            changes = {"due_at": make.now() + timedelta(minutes=1)}
        with refuses(Invalid) as caught:
            start(cast.erin, **changes)
        assert list(caught.value.errors) == [field]

    def test_has_its_bounds(self, active: Grant, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        stand_there("a@admin", "b@admin")
        monkeypatch.setattr(access_reviews, "MOST_ITEMS", 1)
        with refuses(Invalid, match="More than 1"):
            start(cast.erin)
        monkeypatch.setattr(access_reviews, "MOST_ITEMS", 3)
        assert start(cast.erin).items.count() == 3

    def test_is_for_administrators(self, active: Grant, cast: Cast) -> None:
        for person in (cast.dave, cast.bob):
            with refuses(Refused, match="Only administrators start"):
                start(person)


class TestAnswer:
    def test_keeps_it_as_it_is(self, campaign: ReviewCampaign, active: Grant, cast: Cast) -> None:
        traces = Traces()

        answer(cast.bob, item_of(campaign, active.username))

        item = item_of(campaign, active.username)
        active.refresh_from_db()
        assert (item.answer, item.answered_by, item.reason) == ("keep", cast.bob, "Still needed.")
        assert active.state == "active"
        assert traces.events() == [("access_review.answered", "bob", str(campaign))]
        assert traces.facts("access_review.answered")["access"] == "Alice Archer (Read shop.orders on shop-prod)"
        assert traces.jobs() == []

    @pytest.mark.parametrize("say", [ReviewAnswer.END, ReviewAnswer.REDUCE])
    def test_ends_what_is_ours_in_the_same_transaction(
        self, campaign: ReviewCampaign, active: Grant, cast: Cast, say: ReviewAnswer
    ) -> None:
        traces = Traces()

        answer(cast.bob, item_of(campaign, active.username), say=say, reason="The project is over")

        active.refresh_from_db()
        assert (active.state, active.end_reason, active.ended_by) == ("revoking", "revoked", "bob")
        assert active.note.startswith("Access review Autumn: The project is over.")
        assert ("ask for less" in active.note) == (say is ReviewAnswer.REDUCE)
        assert [event for event, *_ in traces.events()] == [
            "access_review.answered",
            "grant.revocation_started",
            "credential.erased",
        ]
        assert ("revoke", str(active)) in traces.jobs()

    def test_never_touches_what_is_not_ours_but_hands_it_to_its_owners(
        self, campaign: ReviewCampaign, cast: Cast
    ) -> None:
        traces, before = Traces(), OutboxMessage.objects.exclude(job="notify").count()

        answer(cast.bob, item_of(campaign, ERRANDS), say=ReviewAnswer.END, reason="Nobody knows it.")

        assert [event for event, *_ in traces.events()] == ["access_review.answered", "access_review.handed_over"]
        assert traces.facts("access_review.handed_over")["targets"] == ["shop-prod"]
        assert traces.jobs() == [("notify", str(campaign))]
        assert OutboxMessage.objects.exclude(job="notify").count() == before

    def test_answers_several_or_none(self, campaign: ReviewCampaign, active: Grant, cast: Cast) -> None:
        both = [item_of(campaign, active.username), item_of(campaign, ERRANDS)]
        answer(cast.bob, both[1])
        with refuses(IllegalMove, match="bob has answered for errands@admin"):
            answer(cast.grace, *both)
        with refuses(IllegalMove, match="You have answered"):
            answer(cast.bob, *both)

    def test_leaves_what_ended_meanwhile(self, campaign: ReviewCampaign, active: Grant, cast: Cast) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.WEB)
        ours, theirs = item_of(campaign, active.username), item_of(campaign, ERRANDS)
        assert queries.is_over(ours)
        with refuses(IllegalMove, match="ended before you answered"):
            answer(cast.bob, ours, say=ReviewAnswer.END)

        assert answer(cast.bob, ours, theirs) == [theirs]
        assert queries.progress(campaign.items.all()) == queries.Progress(
            total=2, open=0, keep=1, end=0, reduce=0, over=1
        )

    def test_is_nobodys_whose_access_it_is(self, cast: Cast) -> None:
        bobs = make.active_grant(cast.bob, cast.grace)
        item = item_of(start(cast.erin), bobs.username)
        with refuses(Refused, match="Nobody reviews access that they gain by") as caught:
            answer(cast.bob, item)
        assert (caught.value.event, caught.value.subject) == ("access_review.refused", str(item.campaign))
        with refuses(Refused, match="reviewed by data-owners"):
            answer(cast.dave, item)
        answer(cast.erin, item)

    def test_is_nobodys_whose_name_it_bears_where_the_catalogue_says_nothing(self, cast: Cast) -> None:
        theirs = ["Bob@admin", "bob@example.com", "bob@$external", "CN=bob,OU=data,O=shop@$external"]
        theirs.append("emailAddress=bob@example.com, CN=Bob Baker@$external")
        stand_there(*theirs, ERRANDS)
        campaign = start(cast.erin)

        for name in theirs:
            assert item_of(campaign, name).gains == ["bob"]
            with refuses(Refused, match="Nobody reviews access that they gain by"):
                answer(cast.bob, item_of(campaign, name))
        answer(cast.bob, item_of(campaign, ERRANDS))

    def test_of_our_own_login_is_to_keep_it(self, cast: Cast) -> None:
        stand_ourselves()
        campaign = start(cast.erin)
        own, errands = item_of(campaign, OWN), item_of(campaign, ERRANDS)
        assert (own.kind, errands.kind) == ("own", "user")

        with refuses(Invalid) as caught:
            answer(cast.bob, own, errands, say=ReviewAnswer.END)

        assert "is the login that this product works with on shop-prod" in str(caught.value)
        assert [one.answer for one in answer(cast.bob, own, errands)] == ["keep", "keep"]
        stand_there()
        assert queries.still_there(campaign.items.all()) == {errands.pk}

    def test_of_a_kit_is_not_for_its_holders_and_handed_on(self, cast: Cast) -> None:
        kit = kits.made()
        campaign = start(cast.erin, reviewers=("security",))
        item = item_of(campaign, kit.username)
        assert (item.kind, item.gains, item.level) == ("kit", ["erin", "frank"], "write")
        with refuses(Refused):
            answer(cast.erin, item)
        traces = Traces()

        answer(cast.carol, item, say=ReviewAnswer.END, reason="Nobody needs one there.")

        assert traces.facts("access_review.handed_over")["items"] == [item.pk]
        assert queries.still_there([item]) == {item.pk}

    def test_needs_a_reason_to_take_something_away(self, campaign: ReviewCampaign, cast: Cast) -> None:
        item = item_of(campaign, ERRANDS)
        for say, reason in ((ReviewAnswer.END, " "), (ReviewAnswer.KEEP, "x" * 2001), (ReviewAnswer.KEEP, "a\u202e")):
            with refuses(Invalid) as caught:
                answer(cast.bob, item, say=say, reason=reason)
            assert list(caught.value.errors) == ["reason"]
        answer(cast.bob, item, reason="")

    def test_is_of_this_review_and_theirs_to_see(self, campaign: ReviewCampaign, cast: Cast) -> None:
        hidden = item_of(campaign, ERRANDS).pk
        ReviewItem.objects.filter(pk=hidden).update(reviewers=["security"])
        for items in ([], [0], [hidden], list(range(101))):
            with refuses(Invalid) as caught:
                access_reviews.answer(
                    campaign_id=campaign.pk, item_ids=items, reviewer=cast.bob, answer=ReviewAnswer.KEEP, via=Via.API
                )
            assert list(caught.value.errors) == ["items"]


def sign(campaign: ReviewCampaign, by: Any, note: str = "") -> ReviewCampaign:
    return access_reviews.sign_off(campaign_id=campaign.pk, person=by, via=Via.WEB, note=note)


class TestSignOff:
    def test_is_by_an_administrator_who_answered_none(
        self, campaign: ReviewCampaign, active: Grant, cast: Cast
    ) -> None:
        with refuses(NotReady, match="2 of 2 still wait"):
            sign(campaign, cast.erin)
        answer(cast.bob, *campaign.items.all())
        with refuses(Refused, match="Only administrators sign"):
            sign(campaign, cast.bob)
        with refuses(Invalid):
            sign(campaign, cast.erin, note="a\u202e")
        traces = Traces()

        signed = sign(campaign, cast.erin, note="Complete.")

        assert (signed.signed_off_by, signed.note) == (cast.erin, "Complete.")
        assert traces.events() == [("access_review.signed_off", "erin", str(campaign))]
        assert traces.facts("access_review.signed_off") == {
            "items": 2,
            "keep": 2,
            "end": 0,
            "reduce": 0,
            "over": 0,
            "comment": "Complete.",
        }
        with refuses(IllegalMove, match="erin has signed it off"):
            sign(campaign, cast.erin)
        with refuses(IllegalMove, match="erin has signed it off"):
            answer(cast.bob, *campaign.items.all())

    def test_is_not_by_one_who_answered(self, campaign: ReviewCampaign, cast: Cast) -> None:
        answer(cast.erin, *campaign.items.all())
        with refuses(Refused, match="You answered some of it yourself"):
            sign(campaign, cast.erin)


class TestCancel:
    def test_asks_nobody_any_more_and_leaves_what_was_answered(self, campaign: ReviewCampaign, cast: Cast) -> None:
        answer(cast.bob, item_of(campaign, ERRANDS))
        for person, reason, refusal in ((cast.bob, "Over.", Refused), (cast.erin, " ", Invalid)):
            with refuses(refusal):
                access_reviews.cancel(campaign_id=campaign.pk, person=person, reason=reason, via=Via.WEB)
        traces = Traces()

        done = access_reviews.cancel(campaign_id=campaign.pk, person=cast.erin, reason="A wrong scope.", via=Via.WEB)

        assert (done.cancelled_by, done.note, done.is_closed) == (cast.erin, "A wrong scope.", True)
        assert traces.events() == [("access_review.cancelled", "erin", str(campaign))]
        assert traces.facts("access_review.cancelled") == {"open": 1, "comment": "A wrong scope."}
        assert traces.jobs() == []
        assert item_of(campaign, ERRANDS).answer == "keep"
        later = make.now() + timedelta(days=60)
        ReviewCampaign.objects.update(remind_at=make.now())
        assert work.reviews_to_remind(later, limit=9) == []
        assert not access_reviews.remind(campaign_id=campaign.pk)
        with refuses(IllegalMove, match="erin has cancelled it"):
            answer(cast.bob, *campaign.items.filter(answer=""))
        with refuses(IllegalMove):
            access_reviews.sign_off(campaign_id=campaign.pk, person=cast.erin, via=Via.WEB)


class TestRemind:
    def test_before_it_is_due_when_it_is_and_every_day_after(
        self, campaign: ReviewCampaign, cast: Cast, clock: MovableClock
    ) -> None:
        assert access_reviews.remind(campaign_id=campaign.pk) is False
        told = []
        for hours in range(0, 24 * 17, 6):
            clock.offset = timedelta(hours=hours, minutes=1)
            if access_reviews.remind(campaign_id=campaign.pk):
                told.append(hours / 24)
        assert told == [11, 14, 15, 16]
        traces = Traces()
        assert traces.jobs() == []

        clock.offset = timedelta(days=20)
        answer(cast.bob, *campaign.items.all())
        assert access_reviews.remind(campaign_id=campaign.pk)
        assert traces.facts("access_review.reminded")["open"] == 0
        sign(campaign, cast.erin)
        clock.offset = timedelta(days=40)
        assert access_reviews.remind(campaign_id=campaign.pk) is False


class TestWaiting:
    def test_is_for_those_who_may_answer_and_administrators_where_nobody_can(self, cast: Cast) -> None:
        make.active_grant(cast.bob, cast.grace)
        stand_there()
        assert queries.waiting_for(start(cast.erin)) == {cast.bob: 1, cast.grace: 2}
        assert queries.waiting_for(start(cast.erin, reviewers=["security"])) == {cast.carol: 2}
        make.apply("carol", groups=[])
        assert queries.waiting_for(ReviewCampaign.objects.latest("pk")) == {cast.erin: 2}

    def test_what_still_stands_there_is_read_again(self, campaign: ReviewCampaign, cast: Cast) -> None:
        theirs = item_of(campaign, ERRANDS)
        assert queries.still_there(campaign.items.all()) == {theirs.pk}
        stand_there("another@admin")
        assert queries.still_there(campaign.items.all()) == set()
        assert review_scope.level_of(None, ["read@shop"]) == "admin"


def test_reaching_for_a_review_of_others_is_kept(campaign: ReviewCampaign) -> None:
    refused = NotYours(campaign).refused
    assert (refused.event, refused.subject) == ("access_review.refused", str(campaign))
