"""A voice lent while its owner is away: who has it, for what it counts, and when it is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from django.db import IntegrityError, transaction

from accessrequests.domain import policy
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Approval, AuditEvent, Delegation, Extension, Grant, Person
from accessrequests.operations import access_requests, bundles, delegations, extensions, policy_drafts
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import deciding, live, people, search, voices
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of
from tests import glass, make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

DAY = timedelta(days=1)


def lend(giver: Person, stand_in: Person, **changes: Any) -> Delegation:
    times: dict[str, Any] = {"ends_at": make.now() + 14 * DAY, **changes}
    return delegations.delegate(giver=giver, stand_in=stand_in.username, via=Via.API, **times)


def deny(access_request: AccessRequest, approver: Person) -> AccessRequest:
    return access_requests.deny(
        access_request_id=access_request.pk,
        approver=approver,
        via=Via.API,
        revision=access_request.revision,
        reason="Use the replica.",
    )


class TestDelegate:
    def test_is_a_fact_of_the_giver_that_both_are_told_of(self, cast: Cast) -> None:
        traces = Traces()
        made = lend(cast.grace, cast.frank)

        assert (made.giver, made.stand_in, made.ended_at) == (cast.grace, cast.frank, None)
        assert made.starts_at == made.made_at
        assert traces.events() == [("delegation.made", "grace", "person/grace")]
        assert traces.jobs() == [("notify", "person/grace")]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"stand_in": "nobody"}, "stand_in"),
            ({"stand_in": "grace"}, "stand_in"),
            ({"starts": -DAY}, "starts_at"),
            ({"starts": 91 * DAY}, "starts_at"),
            ({"ends": -DAY}, "ends_at"),
            ({"starts": 2 * DAY, "ends": DAY}, "ends_at"),
            ({"ends": 91 * DAY}, "ends_at"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, cast: Cast, wrong: dict[str, Any], field: str) -> None:
        now = make.now()
        starts: datetime | None = now + wrong["starts"] if "starts" in wrong else None
        ends = now + wrong.get("ends", (wrong.get("starts", timedelta()) + DAY))
        with refuses(Invalid) as caught:
            delegations.delegate(
                giver=cast.grace, stand_in=wrong.get("stand_in", "frank"), starts_at=starts, ends_at=ends, via=Via.API
            )
        assert list(caught.value.errors) == [field]

    def test_names_nobody_who_may_no_longer_sign_in(self, cast: Cast) -> None:
        make.apply("frank", active=False)
        with refuses(Invalid):
            lend(cast.grace, cast.frank)

    def test_names_no_auditor(self, cast: Cast) -> None:
        with refuses(Invalid) as caught:
            lend(cast.grace, cast.dave)
        (sentence,) = caught.value.errors["stand_in"]
        assert sentence == f"{cast.dave.name} is an auditor. Auditors decide nothing: name somebody else."

    def test_is_refused_twice_and_in_a_circle(self, cast: Cast) -> None:
        lend(cast.grace, cast.bob)
        with refuses(Refused, match="lent your voice to bob"):
            lend(cast.grace, cast.bob)
        with refuses(Refused, match="cannot stand in for each other"):
            lend(cast.bob, cast.grace)

        later = {"starts_at": make.now() + 20 * DAY, "ends_at": make.now() + 21 * DAY}
        assert lend(cast.bob, cast.grace, **later).giver == cast.bob, "not at the same time"

    @pytest.mark.parametrize("wrong", [{"stand_in": "giver"}, {"ends_at": "starts_at"}, {"ends_at": "far"}])
    def test_is_held_by_the_table_too(self, cast: Cast, wrong: dict[str, str]) -> None:
        now = make.now()
        row = {"giver": cast.grace, "stand_in": cast.bob, "made_at": now, "starts_at": now, "ends_at": now + DAY}
        far = {"giver": cast.grace, "starts_at": now, "far": now + 91 * DAY}
        with pytest.raises(IntegrityError):
            Delegation.objects.create(**row | {field: far[value] for field, value in wrong.items()})

    def test_is_one_of_a_pair_at_a_time_and_ended_by_somebody_in_the_table_too(self, cast: Cast) -> None:
        made = lend(cast.grace, cast.frank)
        row = {name: getattr(made, name) for name in ("made_at", "starts_at", "ends_at")}
        for giver, stand_in in ((cast.grace, cast.frank), (cast.frank, cast.grace)):
            with pytest.raises(IntegrityError, match="delegation_one_of_a_pair"), transaction.atomic():
                Delegation.objects.create(giver=giver, stand_in=stand_in, **row)
        with pytest.raises(IntegrityError, match="delegation_ended_by_somebody"), transaction.atomic():
            Delegation.objects.filter(pk=made.pk).update(ended_at=make.now())
        delegations.end(delegation_id=made.pk, person=cast.grace, via=Via.API)
        assert lend(cast.grace, cast.frank).pk != made.pk, "one that is over stands in nobody's way"


class TestEnd:
    @pytest.mark.parametrize("name", ["grace", "frank", "erin"])
    def test_is_for_the_two_and_for_administrators(self, cast: Cast, name: str) -> None:
        made, person = lend(cast.grace, cast.frank), getattr(cast, name)
        traces = Traces()

        ended = delegations.end(delegation_id=made.pk, person=person, via=Via.API)

        assert ended.ended_at is not None
        assert ended.ended_by == name
        assert traces.events() == [("delegation.ended", name, "person/grace")]
        with refuses(IllegalMove):
            delegations.end(delegation_id=made.pk, person=person, via=Via.API)

    def test_is_for_nobody_else_and_not_after_the_end(self, cast: Cast) -> None:
        made = lend(cast.grace, cast.frank)
        with refuses(Refused):
            delegations.end(delegation_id=made.pk, person=cast.bob, via=Via.API)
        past = make.now() - DAY
        Delegation.objects.filter(pk=made.pk).update(starts_at=past - DAY, ends_at=past)
        with refuses(IllegalMove) as caught:
            delegations.end(delegation_id=made.pk, person=cast.grace, via=Via.API)
        assert caught.value.at == past

    @pytest.mark.parametrize("name", ["grace", "frank"])
    def test_comes_when_one_of_the_two_may_no_longer_sign_in(self, cast: Cast, name: str) -> None:
        made = lend(cast.grace, cast.frank)
        make.apply(name, active=False)

        made.refresh_from_db()
        assert made.ended_at is not None
        assert AuditEvent.objects.get(event="delegation.ended").facts["delegations"] == [made.pk]
        make.apply(name)
        access_request = make.submit(cast.alice)
        with refuses(Refused):
            make.approve(access_request, cast.frank)


class TestAnswering:
    def test_counts_as_the_voice_of_the_giver_and_says_so(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank)

        assert make.approve(access_request, cast.frank).state == "approved"

        given = Approval.objects.get()
        assert (given.person, given.on_behalf_of, given.group) == (cast.frank, cast.grace, "data-owners")
        fact = AuditEvent.objects.get(event="access_request.approval_given")
        assert (fact.actor, fact.facts["on_behalf_of"]) == ("frank", "grace")
        assert Grant.objects.count() == 1

    def test_is_seen_and_waits_where_it_counts(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        assert access_request not in request_queries.visible_to(cast.frank)
        lend(cast.grace, cast.frank)

        who = belonging_of(cast.frank)
        assert request_queries.waiting_for(who).get() == access_request
        assert access_request in request_queries.visible_to(cast.frank)
        assert access_request.pk in {one.pk for way in request_queries.ways_to_see(cast.frank) for one in way}
        assert who.sees(access_request)
        assert access_request in search.find(who, text="shop.orders").requests
        (step,) = voices.steps_with_people([access_request])[access_request.pk]
        assert step["people"] == ["bob", "grace", "frank"]
        make.approve(access_request, cast.frank)
        grant = Grant.objects.get()
        assert grant in live.live_for(belonging_of(cast.frank))
        assert who.may_end(access_request)

    def test_ends_to_count_when_the_stand_in_becomes_an_auditor(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank)
        assert belonging_of(cast.frank).lent
        make.apply("frank", groups=["auditors"])

        with refuses(Refused):
            make.approve(access_request, cast.frank)
        assert not Approval.objects.exists()
        assert not belonging_of(cast.frank).lent
        (step,) = voices.steps_with_people([access_request])[access_request.pk]
        assert step["people"] == ["bob", "grace"]
        assert not people.stand_ins_of([cast.grace], without=[]).exists()

    def test_takes_no_role_and_no_voice_in_anything_but_access(self, cast: Cast) -> None:
        lend(cast.erin, cast.frank)
        lend(cast.grace, cast.frank)
        who = belonging_of(cast.frank)
        assert not who.administers
        assert not who.sees_all
        assert "data-owners" not in who.since, "what custom roles look at"

    def test_agrees_to_no_policy(self, cast: Cast) -> None:
        publishing = {"approvals": [{"group": "security", "people": 1}]}
        make.publish({"name": "guarded", "rules": [make.rule("prod")], "publishing": publishing})
        document = {"name": "loose", "rules": [make.rule("prod", maximum="P7D")]}
        erin = people.actor_of(cast.erin, Via.WEB)
        draft = policy_drafts.draft(text=yaml.safe_dump(document), document=document, actor=erin)
        policy_drafts.propose(draft_id=draft.pk, person=cast.erin, via=Via.WEB)
        lend(cast.carol, cast.bob)
        with refuses(Refused, match="not among them"):
            policy_drafts.approve(draft_id=draft.pk, approver=cast.bob, via=Via.WEB)

    @pytest.mark.parametrize("gains", ["giver", "stand_in"])
    def test_does_not_count_for_who_would_gain(self, cast: Cast, gains: str) -> None:
        requester, stand_in = (cast.grace, cast.frank) if gains == "giver" else (cast.frank, cast.frank)
        lend(cast.grace, cast.frank)
        access_request = make.submit(requester)

        with refuses(Refused, match="would gain" if gains == "giver" else "Nobody decides"):
            make.approve(access_request, stand_in)
        with refuses(Refused):
            deny(access_request, stand_in)
        assert not request_queries.waiting_for(belonging_of(stand_in)).exists()
        if gains == "giver":
            assert access_request not in request_queries.visible_to(cast.frank)
            assert not live.live_for(belonging_of(cast.frank)).exists()

    def test_is_not_lent_on(self, cast: Cast) -> None:
        lend(cast.grace, cast.frank)
        lend(cast.frank, cast.mallory)
        access_request = make.submit(cast.alice)
        with refuses(Refused):
            make.approve(access_request, cast.mallory)

    def test_is_as_old_as_the_membership_of_the_giver(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.apply("dave", groups=["auditors", "data-owners"])
        lend(cast.dave, cast.frank)
        with refuses(Refused, match="joined after it was filed"):
            make.approve(access_request, cast.frank)
        assert not request_queries.waiting_for(belonging_of(cast.frank)).exists()

    def test_ends_by_the_clock_that_decides(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank, ends_at=make.now() + timedelta(hours=1))
        clock.advance(timedelta(minutes=61))
        with refuses(Refused):
            make.approve(access_request, cast.frank)

    @pytest.mark.parametrize("when", ["to come", "over", "ended"])
    def test_counts_only_while_it_runs(self, cast: Cast, when: str) -> None:
        access_request = make.submit(cast.alice)
        made = lend(cast.grace, cast.frank)
        now = make.now()
        times: dict[str, dict[str, Any]] = {
            "to come": {"starts_at": now + DAY, "ends_at": now + 2 * DAY},
            "over": {"starts_at": now - DAY, "ends_at": now},
            "ended": {"ended_at": now, "ended_by": "grace"},
        }
        Delegation.objects.filter(pk=made.pk).update(**times[when])
        with refuses(Refused):
            make.approve(access_request, cast.frank)
        assert not request_queries.waiting_for(belonging_of(cast.frank)).exists()


TWO = make.rule("two", approvals=[{"group": "data-owners", "people": 2}])
BOTH = make.rule("both", approvals=[{"group": "data-owners", "people": 1}, {"group": "security", "people": 1}])


class TestOneVoice:
    def test_is_gone_once_its_giver_has_answered(self, cast: Cast) -> None:
        make.publish_rules(TWO)
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank)
        make.approve(access_request, cast.grace)

        assert not request_queries.waiting_for(belonging_of(cast.frank)).exists()
        with refuses(IllegalMove, match="same voice"):
            make.approve(access_request, cast.frank)
        with refuses(Refused, match="Their answer stands"):
            deny(access_request, cast.frank)
        assert make.approve(access_request, cast.bob).state == "approved"

    def test_of_a_giver_who_comes_back_is_given_already(self, cast: Cast) -> None:
        make.publish_rules(TWO)
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank)
        lend(cast.grace, cast.mallory)
        make.approve(access_request, cast.frank)

        access_request = request_queries.as_shown().get()
        verdict = policy.from_json(access_request.verdict)
        for person in (cast.grace, cast.mallory, cast.frank):
            assert not request_queries.waiting_for(belonging_of(person)).exists()
            with refuses(IllegalMove):
                make.approve(access_request, person)
            assert deciding.why_not_decide(belonging_of(person), access_request, verdict, at=make.now())
        assert deny(access_request, cast.grace).state == "denied", "who spoke may still say no"

    def test_fills_one_place_for_one_person(self, cast: Cast) -> None:
        """Bob is asked himself, and stands in for carol, who is asked for another step: one of the two, not both."""
        make.publish_rules(BOTH)
        access_request = make.submit(cast.alice)
        lend(cast.carol, cast.bob)

        assert make.approve(access_request, cast.bob).state == "pending"
        given = Approval.objects.get()
        assert (given.group, given.on_behalf_of) == ("data-owners", None), "their own first"
        with refuses(IllegalMove, match="You have approved"):
            make.approve(access_request, cast.bob)
        assert make.approve(access_request, cast.carol).state == "approved"

    def test_that_is_lent_counts_where_the_own_one_is_not_wanted(self, cast: Cast) -> None:
        make.publish_rules(BOTH)
        access_request = make.submit(cast.alice)
        lend(cast.carol, cast.bob)
        make.approve(access_request, cast.grace)

        access_request = request_queries.as_shown().get()
        verdict = policy.from_json(access_request.verdict)
        who = belonging_of(cast.bob)
        voice = deciding.voice_in(who, access_request, verdict)
        assert voice is not None
        assert voice.on_behalf_of == "carol"
        assert make.approve(access_request, cast.bob).state == "approved"
        assert Approval.objects.get(person=cast.bob).on_behalf_of == cast.carol

    def test_counts_for_more_time_and_for_the_second_person_of_a_break_glass(self, cast: Cast, active: Grant) -> None:
        lend(cast.grace, cast.mallory)
        lend(cast.carol, cast.mallory)
        hour, why = timedelta(hours=1), "The batch is larger than we thought."
        extensions.ask(grant_id=active.pk, holder=cast.alice, via=Via.API, duration=hour, reason=why)
        make.approve(AccessRequest.objects.exclude(extends=None).get(), cast.mallory)
        assert Extension.objects.get().grant == active

        glass.ended(glass.broken(cast.frank))
        again = glass.broken(cast.frank)
        assert request_queries.waiting_for(belonging_of(cast.mallory)).get() == again
        assert make.approve(again, cast.mallory).state == "approved"
        spoken = Approval.objects.filter(person=cast.mallory).order_by("pk")
        assert [given.on_behalf_of for given in spoken] == [cast.grace, cast.carol]

        assert not belonging_of(cast.mallory).may_review(again), "no voice is lent for a review"

    def test_says_no_as_well(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        lend(cast.grace, cast.frank)
        assert deny(access_request, cast.frank).state == "denied"
        assert AuditEvent.objects.get(event="access_request.denied").facts["on_behalf_of"] == "grace"

    def test_is_heard_in_bundles(self, cast: Cast) -> None:
        lend(cast.grace, cast.frank)
        asks = [make.asked(), make.asked(target="shop-staging", roles=("readWrite@shop",))]
        together = bundles.submit(requester=cast.alice, asked=asks, via=Via.API)
        done = bundles.approve(
            bundle=together[0].pk,
            approver=cast.frank,
            via=Via.API,
            revisions={one.pk: one.revision for one in together},
        )
        assert {one.state for one in done} == {"approved"}
        assert set(Approval.objects.values_list("on_behalf_of__username", flat=True)) == {"grace"}
