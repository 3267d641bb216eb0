"""Service identities: their owner holds what they are given, never decides on it, and takes it along when leaving."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Actor, Via
from accessrequests.models import AccessRequest, AuditEvent, Credential, Grant, Person
from accessrequests.operations import credentials, extensions, grants, people
from accessrequests.operations.refusals import Refused
from accessrequests.queries import access_requests, access_reviews, asks, clock, records
from accessrequests.queries import grants as grant_queries
from accessrequests.queries import people as people_queries
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.traces import leaves_nothing, refuses


def of_web(person: Person) -> Actor:
    return people_queries.actor_of(person, Via.WEB)


RUNNER = {"title": "Continuous integration", "owner": "bob", "groups": ["engineering"]}


def apply(*, entries: dict[str, Any] | None = None, name: str = "ci-runner", **changes: Any) -> Person:
    groups = catalogue.people_document()["groups"]
    services = {name: {**RUNNER, **changes}}
    people.apply_people(groups=groups, entries=entries or {}, services=services, actor=make.OPERATOR)
    return Person.objects.get(username=name)


@pytest.fixture
def runner(cast: Cast) -> Person:
    return make.make_service()


class TestApply:
    def test_makes_a_row_that_nobody_signs_in_as(self, runner: Person, cast: Cast) -> None:
        assert (runner.name, runner.owner, runner.is_active) == ("Continuous integration", cast.bob, True)
        assert not runner.has_usable_password()
        event = AuditEvent.objects.get(subject="person/ci-runner")
        assert event.facts == {
            "service": True, "name": "Continuous integration", "owner": "bob", "is_active": True, "joined": ["engineering"],
        }  # fmt: skip
        with leaves_nothing():
            apply()
        with refuses(Refused, match="never signs in"):
            people.set_password(username="ci-runner", password="x" * 20, actor=make.OPERATOR)

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"owner": "nobody"}, "nobody called nobody"),
            ({"owner": "ci-runner"}, "nobody called ci-runner"),
            ({"groups": ["auditors"]}, "only people audit"),
            ({"groups": ["wizards"]}, "no group wizards"),
            ({"name": "alice"}, "cannot have the same name"),
        ],
    )
    def test_refuses(self, runner: Person, changes: dict[str, Any], sentence: str) -> None:
        with refuses(Invalid, match=sentence):
            apply(**changes)

    def test_refuses_to_make_a_person_of_it(self, runner: Person) -> None:
        document = catalogue.people_document()
        with refuses(Invalid, match="cannot have the same name"):
            people.apply_people(
                groups=document["groups"], entries={"ci-runner": document["people"]["bob"]}, actor=make.OPERATOR
            )

    def test_of_a_new_owner_begins_anew(self, runner: Person, cast: Cast) -> None:
        """Grace, who approved it, would hold it; and bob, who made the token, would go on with it."""
        grant = make.active_grant(cast.alice, cast.grace, grantee="ci-runner")
        waiting = make.submit(cast.alice, grantee="ci-runner")
        _, secret = people.create_token(person=runner, name="ci", scopes=["read"], actor=of_web(cast.bob))

        apply(owner="grace")

        waiting.refresh_from_db()
        grant.refresh_from_db()
        why = "The service identity has another owner now. What it had is asked for anew."
        assert (waiting.state, waiting.note) == ("cancelled", why)
        assert (grant.state, grant.end_reason, grant.note) == ("revoking", "eligibility_lost", why)
        assert not Credential.objects.filter(grant=grant, state="ready").exists()
        assert people_queries.person_by_token(secret, at=clock.now()) is None
        assert AuditEvent.objects.get(event="token.revoked").subject == "person/ci-runner"
        with leaves_nothing():
            apply(owner="grace")

    def test_out_of_its_group_loses_what_it_has(self, runner: Person, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.grace, grantee="ci-runner")
        apply(groups=[])
        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoking", "eligibility_lost")

    @pytest.mark.parametrize("gone", ["service", "owner"])
    def test_ends_what_it_has_when_it_or_its_owner_goes(self, runner: Person, cast: Cast, gone: str) -> None:
        grant = make.approved_grant(cast.alice, cast.grace, grantee="ci-runner")
        waiting = make.submit(cast.alice, grantee="ci-runner")
        token, _ = people.create_token(person=runner, name="ci", scopes=["read"], actor=of_web(cast.bob))

        if gone == "service":
            apply(active=False)
        else:
            make.apply("bob", active=False)

        grant.refresh_from_db()
        waiting.refresh_from_db()
        why = "Continuous integration is retired, or its owner is off"
        assert (grant.state, grant.end_reason, grant.note) == ("revoking", "person_disabled", f"{why}.")
        assert (waiting.state, waiting.note) == ("cancelled", why)
        assert not Person.objects.get(username="ci-runner").is_active
        token.refresh_from_db()
        assert token.revoked_at is not None
        assert AuditEvent.objects.get(event="token.revoked").facts == {"token": token.pk, "name": "ci"}
        with refuses(Refused, match="ci-runner is off"):
            people.create_token(person=runner, name="ci", scopes=["read"], actor=of_web(cast.bob))
        with refuses(Invalid, match="nobody with the user name ci-runner"):
            make.submit(cast.alice, grantee="ci-runner")

    def test_comes_back_with_the_file_and_not_with_its_owner(self, runner: Person, cast: Cast) -> None:
        make.apply("bob", active=False)
        assert not apply().is_active
        make.apply("bob", active=True)
        assert not Person.objects.get(username="ci-runner").is_active
        assert apply().is_active


class TestAsk:
    def test_keeps_who_asked_who_gets_it_and_who_answers_for_it(self, runner: Person, cast: Cast) -> None:
        asked = make.submit(cast.alice, grantee="ci-runner")

        assert (asked.requester, asked.beneficiary, asked.owners) == (cast.alice, runner, ["bob"])
        event = AuditEvent.objects.get(event="access_request.submitted", subject=str(asked))
        assert (event.actor, event.facts["beneficiary"], event.facts["owners"]) == ("alice", "ci-runner", ["bob"])
        assert {asked} <= set(access_requests.visible_to(cast.bob))
        assert asked not in access_requests.waiting_for(belonging_of(cast.bob))
        with refuses(Refused, match="Nobody decides on access that they ask for or would get"):
            make.approve(asked, cast.bob)
        make.approve(asked, cast.grace)
        grant = Grant.objects.get(access_request=asked)
        assert grant.holder == runner

    def test_is_refused_where_either_may_not(self, runner: Person, cast: Cast) -> None:
        apply(groups=["security"])
        with refuses(Refused, match="ci-runner is not one of them"):
            make.submit(cast.alice, grantee="ci-runner")
        apply()
        with refuses(Refused, match="mallory is not one of them"):
            make.submit(cast.mallory, grantee="ci-runner")

    def test_counts_nowhere_among_those_who_decide(self, runner: Person, cast: Cast) -> None:
        apply(groups=["engineering", "data-owners"])
        at = clock.now()

        assert "ci-runner" not in people_queries.deciders_by_group(["data-owners"], since=at, without=[])["data-owners"]
        assert runner not in people_queries.deciders("data-owners", since=at, without=[])
        assert runner not in access_reviews.members_of(["data-owners"])["data-owners"]
        assert "Continuous integration" not in people_queries.members_by_group(["data-owners"])["data-owners"]

    def test_neither_reads_nor_ends_what_its_group_is_asked(self, runner: Person, cast: Cast) -> None:
        apply(groups=["engineering", "data-owners"])
        grant = make.active_grant(cast.alice, cast.grace)

        assert not grant_queries.visible_to(runner).exists()
        assert not access_requests.visible_to(runner).exists()
        with refuses(Refused):
            grants.revoke(grant_id=grant.pk, person=runner, via=Via.API, reason="The build is done.")

    def test_has_a_record_of_what_was_asked_for_it_by_whomever(self, runner: Person, cast: Cast) -> None:
        make.approved_grant(cast.frank, cast.grace, grantee="ci-runner")
        asked = make.submit(cast.alice, grantee="ci-runner")

        record = records.record_of(asked, at=clock.now())

        assert (record.filed, record.approved) == (1, 1)

    def test_has_no_role_even_where_its_group_gets_one_later(self, runner: Person) -> None:
        people.apply_people(groups={"engineering": {"role": "auditor"}}, entries={}, actor=make.OPERATOR)

        assert people_queries.roles_of(runner) == frozenset()
        assert not belonging_of(runner).sees_all
        assert not people_queries.may_audit(runner)


class TestHold:
    def test_is_its_owners_and_not_of_whoever_asked(self, runner: Person, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.grace, grantee="ci-runner")

        with refuses(Refused, match="Only the person who holds this access"):
            credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)
        assert credentials.reveal(grant_id=grant.pk, person=cast.bob, via=Via.API).username == grant.username
        assert list(grant_queries.visible_to(cast.bob)) == [grant]
        assert grants.release(grant_id=grant.pk, holder=cast.bob, via=Via.API).ended_by == "bob"

    def test_reads_with_a_token_of_its_own(self, runner: Person, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.grace, grantee="ci-runner")
        owner = of_web(cast.bob)

        with refuses(Refused, match="for oneself, or for a service of one's own"):
            people.create_token(person=runner, name="ci", scopes=["read"], actor=of_web(cast.alice))
        with refuses(Invalid, match="request is not yours to have"):
            people.create_token(person=runner, name="ci", scopes=["read", "request"], actor=owner)
        token, secret = people.create_token(person=runner, name="ci", scopes=["read", "reveal", "end"], actor=owner)

        known = people_queries.person_by_token(secret, at=clock.now())
        assert known is not None
        assert known.person == runner
        assert credentials.reveal(grant_id=grant.pk, person=runner, via=Via.API).username == grant.username
        with refuses(Refused, match="Only its owner"):
            people.revoke_token(token_id=token.pk, person=cast.alice, actor=owner)
        people.revoke_token(token_id=token.pk, person=cast.bob, actor=owner)
        assert people_queries.person_by_token(secret, at=clock.now()) is None

    def test_is_extended_by_its_owner_who_must_be_eligible_too(self, runner: Person, cast: Cast) -> None:
        make.publish_rules(make.rule("longer", total_maximum="PT8H"))
        make.apply("frank", groups=["data-owners"])
        grant = make.active_grant(cast.grace, cast.frank, grantee="ci-runner")

        extensions.ask(
            grant_id=grant.pk, holder=cast.bob, via=Via.API, duration=timedelta(hours=1), reason="The build goes on."
        )

        asked = AccessRequest.objects.get(extends=grant)
        assert (asked.requester, asked.beneficiary, asked.owners) == (cast.bob, runner, ["bob", "grace"])
        with refuses(Refused, match="Nobody decides on access that they ask for or would get"):
            make.approve(asked, cast.grace)
        make.apply("bob", groups=["data-owners"])
        asked.refresh_from_db()
        assert asked.state == "cancelled"
        with refuses(Refused, match="bob is not one of them"):
            extensions.ask(
                grant_id=grant.pk, holder=cast.bob, via=Via.API, duration=timedelta(hours=1), reason="It goes on."
            )

    def test_is_judged_again_before_it_is_opened(self, runner: Person, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.grace, grantee="ci-runner")
        assert asks.lost_eligibility(grant.access_request) == ""
        assert grant_queries.why_not_open(grant, at=clock.now()) is None

    def test_is_nobodys_while_its_owner_is_off_though_it_is_on(self, runner: Person, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.grace, grantee="ci-runner")
        _, secret = people.create_token(person=runner, name="ci", scopes=["read"], actor=of_web(cast.bob))
        Person.objects.filter(pk=cast.bob.pk).update(is_active=False)

        refusal = grant_queries.why_not_open(Grant.objects.get(pk=grant.pk), at=clock.now())

        assert refusal is not None
        assert refusal.reason == "person_disabled"
        assert people_queries.person_by_token(secret, at=clock.now()) is None
