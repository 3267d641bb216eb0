"""People, groups and tokens: since when somebody belongs decides what they may say, and leaving ends what they hold."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from accessrequests.models import AuditEvent, Grant, Group, Membership, Person, PersonalToken
from accessrequests.operations import people
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import people as people_queries
from accessrequests.queries.asks import Invalid
from tests import make
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses


class TestApplyPeople:
    def test_says_what_it_changed(self, cast: Cast) -> None:
        traces = Traces()

        make.apply("alice", name="Alice A.", groups=["engineering", "security"])
        make.apply("alice", name="Alice A.", groups=["security"])

        assert traces.events() == [("person.applied", "os:tests", "person/alice")] * 2
        assert people_queries.groups_of(cast.alice) == {"security"}
        ended = Membership.objects.get(person=cast.alice, group__name="engineering")
        assert ended.ended_at is not None

    def test_says_when_a_group_may_do_something_else(self, cast: Cast) -> None:
        people.apply_people(groups={"engineering": {"role": "auditor"}}, entries={}, actor=make.OPERATOR)

        event = AuditEvent.objects.filter(event="group.applied", subject="group/engineering").latest("sequence")
        assert event.facts == {"role": "auditor", "was": ""}

    def test_again_is_no_event(self, cast: Cast) -> None:
        with leaves_nothing():
            make.make_people()

    def test_makes_a_person_who_cannot_sign_in_yet(self, cast: Cast) -> None:
        people.apply_people(
            groups={}, entries={"henry": {"name": "Henry", "email": "h@example.com"}}, actor=make.OPERATOR
        )

        henry = Person.objects.get(username="henry")
        assert (henry.is_active, henry.is_staff, henry.has_usable_password()) == (True, False, False)

    def test_refuses_a_group_that_is_not_named(self, cast: Cast) -> None:
        entries = {"henry": {"name": "Henry", "email": "h@example.com", "groups": ["wizards"]}}

        with refuses(Invalid, match="wizards"):
            people.apply_people(groups={}, entries=entries, actor=make.OPERATOR)

    def test_gives_administrators_sight_of_the_tables(self, cast: Cast) -> None:
        make.apply("alice", groups=["administrators"])
        assert Person.objects.get(username="alice").is_staff
        assert Group.objects.get(name="administrators").role == "administrator"

        make.apply("alice", groups=[])
        assert not Person.objects.get(username="alice").is_staff

    def test_a_newcomer_has_no_voice_in_what_was_asked_before(self, cast: Cast) -> None:
        before = make.submit(cast.alice)
        make.apply("frank", groups=["engineering", "data-owners"])
        make.apply("bob", groups=["engineering"])
        make.apply("bob", groups=["engineering", "data-owners"])
        after = make.submit(cast.alice)

        for newcomer in (cast.frank, cast.bob):
            with refuses(Refused, match="when it was filed"):
                make.approve(before, newcomer)
        assert make.approve(after, cast.frank).state == "approved"

    def test_keeps_alive_what_those_hold_who_stay(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        make.apply("frank", active=False)

        assert Grant.objects.get(pk=grant.pk).state == "pending"


class TestSetPassword:
    def test_is_recorded_without_it(self, cast: Cast) -> None:
        traces = Traces()

        people.set_password(username="alice", password="a long enough one", actor=make.OPERATOR)

        assert Person.objects.get(username="alice").check_password("a long enough one")
        assert traces.facts("person.applied") == {"password": "set"}


class TestTokens:
    def test_are_kept_as_digests_and_die_on_demand(self, cast: Cast) -> None:
        traces = Traces()
        token, secret = people.create_token(
            person=cast.alice, name="laptop", scopes=["reveal", "read"], actor=make.OPERATOR
        )

        assert token.scopes == ["read", "reveal"]
        assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
        assert traces.events() == [("token.created", "os:tests", "person/alice")]
        assert people_queries.person_by_token(secret, at=make.now()) == token
        people.revoke_token(token_id=token.pk, person=cast.alice, actor=make.OPERATOR)
        assert people_queries.person_by_token(secret, at=make.now()) is None

    def test_stop_by_themselves_and_with_their_person(self, cast: Cast) -> None:
        until = make.now() + timedelta(days=1)
        _, secret = people.create_token(
            person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR, expires_at=until
        )
        assert people_queries.person_by_token(secret, at=until) is None
        make.apply("alice", active=False)

        assert people_queries.person_by_token(secret, at=make.now()) is None

    @pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "everything"]])
    def test_carry_what_is_their_persons_to_have(self, cast: Cast, scopes: list[str]) -> None:
        with refuses(Invalid):
            people.create_token(person=cast.alice, name="laptop", scopes=scopes, actor=make.OPERATOR)

    def test_of_administrators_may_administer(self, cast: Cast) -> None:
        assert people.create_token(person=cast.erin, name="n", scopes=["admin"], actor=make.OPERATOR)

    def test_are_ended_by_their_owner_or_an_operator_once(self, cast: Cast) -> None:
        token, _ = people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
        with refuses(Refused):
            people.revoke_token(token_id=token.pk, person=cast.bob, actor=make.OPERATOR)
        traces = Traces()
        people.revoke_token(token_id=token.pk, person=None, actor=make.OPERATOR)
        assert traces.events() == [("token.revoked", "os:tests", "person/alice")]

        with refuses(IllegalMove):
            people.revoke_token(token_id=token.pk, person=None, actor=make.OPERATOR)
        assert PersonalToken.objects.get().revoked_at is not None
