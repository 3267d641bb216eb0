"""What follows from a provider's word: newcomers, groups that follow, and the end of what somebody holds who is off."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accessrequests import sealing
from accessrequests.models import Grant, Identity, Person
from accessrequests.operations import identities, people
from accessrequests.operations.refusals import Refused
from accessrequests.queries import people as people_queries
from accessrequests.queries.belonging import belonging_of
from tests import make
from tests.make import Cast
from tests.operations.provider_words import ISSUER, NINA, arrive, follow, keep, link, sources
from tests.traces import Traces, leaves_nothing, refuses


class TestArrive:
    def test_makes_who_is_new_once(self, cast: Cast) -> None:
        traces = Traces()

        nina = arrive(tokens="{}")

        assert (nina.username, nina.name, nina.email, nina.is_active, nina.is_staff) == (
            *("nina", "Nina Novak", "nina@example.com", True, False),
        )
        assert not nina.has_usable_password()
        assert sources(nina) == {("engineering", "provider")}
        identity = Identity.objects.get(person=nina)
        assert (identity.issuer, identity.subject, identity.made_person) == (ISSUER, "42", True)
        assert sealing.open_sealed(bytes(identity.sealed_tokens or b""), purpose=f"identity/{ISSUER}/42") == "{}"
        assert set(traces.events()) == {("person.applied", "identity-provider", "person/nina")}
        traces = Traces()
        assert arrive() == nina
        assert traces.events() == []
        assert Identity.objects.get(person=nina).sealed_tokens is None

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"username": "alice"}, "nobody is taken over"),
            ({"email": "ALICE@example.com"}, "nobody is taken over"),
            ({"username": ""}, "no user name or e-mail"),
            ({"email": ""}, "no user name or e-mail"),
            ({"is_active": False}, "may not sign in"),
        ],
    )
    def test_takes_nobodys_place(self, cast: Cast, changes: dict[str, Any], sentence: str) -> None:
        with refuses(Refused, match=sentence):
            arrive(**changes)

    def test_knows_by_issuer_and_subject_only(self, cast: Cast) -> None:
        nina = arrive()

        assert arrive(username="renamed", email="new@example.com", name="N. Novak") == nina
        nina.refresh_from_db()
        assert (nina.username, nina.name, nina.email) == ("nina", "N. Novak", "new@example.com")
        with refuses(Refused):
            identities.arrive(issuer="https://other.example.com", claims=NINA, tokens="")

    def test_leaves_an_address_to_whom_it_belongs(self, cast: Cast) -> None:
        arrive()

        assert arrive(email="alice@example.com").email == "nina@example.com"

    def test_leaves_to_the_file_what_it_says_of_whom_it_linked(self, cast: Cast) -> None:
        link(cast.bob)

        bob = arrive(name="Somebody else", email="else@example.com", groups=frozenset({"security"}))

        assert bob == cast.bob
        assert (bob.name, bob.email) == ("Bob Brandt", "bob@example.com")
        assert sources(bob) == {("engineering", "file"), ("data-owners", "file"), ("security", "provider")}

    def test_moves_between_groups_as_the_provider_says(self, cast: Cast) -> None:
        nina = arrive()
        traces = Traces()

        arrive(groups=frozenset({"security"}))

        assert sources(nina) == {("security", "provider")}
        assert traces.facts("person.applied") == {"joined": ["security"], "left": ["engineering"]}
        arrive(groups=None)
        assert sources(nina) == set()

    def test_a_newcomer_has_no_voice_in_what_was_asked_before(self, cast: Cast) -> None:
        before = make.submit(cast.alice)
        nina = arrive(groups=frozenset({"data-owners"}))

        with refuses(Refused, match="when it was filed"):
            make.approve(before, nina)

    def test_gives_a_role_only_where_the_operator_says_so(self, cast: Cast, settings: Settings) -> None:
        nina = arrive(groups=frozenset({"administrators", "auditors", "engineering"}))
        assert sources(nina) == {("engineering", "provider")}
        settings.ACCESS_OIDC_GROUPS = {"it-admins": "administrators", "gone": "no-such-group"}

        arrive(groups=frozenset({"it-admins", "gone", "engineering"}))

        nina.refresh_from_db()
        assert sources(nina) == {("administrators", "provider")}
        assert nina.is_staff
        assert people_queries.may_administer(nina)

    def test_a_role_counts_for_as_long_as_the_operator_says_so(self, cast: Cast, settings: Settings) -> None:
        nina = arrive(groups=frozenset({"security"}))

        def roles() -> list[object]:
            is_told = nina in people_queries.administrators()
            return [people_queries.roles_of(nina), belonging_of(nina).roles, is_told]

        people.apply_people(groups={"security": {"role": "administrator"}}, entries={}, actor=make.OPERATOR)
        assert roles() == [set(), set(), False], "A group of the same name that got a role after she joined it."
        settings.ACCESS_OIDC_GROUPS = {"security": "security"}
        assert roles() == [{"administrator"}, {"administrator"}, True]
        settings.ACCESS_OIDC_GROUPS = {}
        assert roles() == [set(), set(), False]
        assert people_queries.may_administer(cast.carol), "The file's own word needs no mapping."

    def test_ends_access_that_came_with_a_group(self, cast: Cast) -> None:
        nina = arrive()
        grant = make.approved_grant(nina, cast.bob)

        arrive(groups=frozenset())

        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoking", "eligibility_lost")

    def test_keeps_access_that_another_group_still_allows(self, cast: Cast) -> None:
        nina = arrive(groups=frozenset({"engineering", "security"}))
        grant = make.approved_grant(nina, cast.bob)

        arrive(groups=frozenset({"engineering"}))

        grant.refresh_from_db()
        assert grant.state == "pending"

    def test_somebody_whom_the_operator_disabled_stays_out_and_is_recorded_once(self, cast: Cast) -> None:
        link(cast.alice)
        make.apply("alice", active=False)
        traces = Traces()

        for _ in range(3):
            assert not arrive().is_active

        assert traces.events() == [("person.sign_in_refused", "identity-provider", "person/alice")]

    def test_a_plain_no_at_the_sign_in_ends_everything_and_a_yes_lets_in_again(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        waiting, grant = make.submit(nina), make.approved_grant(nina, cast.bob)
        traces = Traces()

        assert not arrive(is_active=False).is_active

        waiting.refresh_from_db()
        grant.refresh_from_db()
        assert (waiting.state, waiting.decided_by) == ("cancelled", "identity-provider")
        assert (grant.state, grant.end_reason) == ("revoking", "person_disabled")
        assert [event for event, *_ in traces.events()] == [
            *("person.disabled", "access_request.cancelled", "grant.revocation_started"),
        ]
        identity = Identity.objects.get(person=nina)
        assert identity.refused_at is not None
        assert identity.sealed_tokens is None
        with leaves_nothing():
            make.apply("grace")  # somebody else's entry in the file changes nothing of it
        assert not arrive(is_active=False).is_active
        traces = Traces()
        assert arrive(tokens="{}").is_active
        assert traces.facts("person.enabled") == {"why": "the provider signed the person in again"}


class TestFollow:
    def test_moves_groups(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        identity = Identity.objects.get(person=nina)

        follow(identity, groups=frozenset({"security"}))

        identity.refresh_from_db()
        assert sources(nina) == {("security", "provider")}
        assert identity.asked_at is not None

    def test_without_a_word_on_groups_takes_none(self, cast: Cast) -> None:
        nina = arrive()

        follow(Identity.objects.get(person=nina), groups=None)

        assert sources(nina) == {("engineering", "provider")}

    def test_a_plain_no_ends_what_they_hold_and_their_sessions(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        grant = make.approved_grant(nina, cast.bob)
        proof = nina.get_session_auth_hash()

        follow(Identity.objects.get(person=nina), is_active=False)

        nina.refresh_from_db()
        grant.refresh_from_db()
        assert (nina.is_active, grant.end_reason) == (False, "person_disabled")
        assert nina.get_session_auth_hash() != proof

    @pytest.mark.parametrize("late", ["signed in meanwhile", "another subject", "disabled meanwhile"])
    def test_an_answer_that_came_too_late_changes_nothing(self, cast: Cast, late: str) -> None:
        nina = arrive(tokens="{}")
        identity = Identity.objects.get(person=nina)
        if late == "signed in meanwhile":
            arrive(tokens="{}")
        elif late == "disabled meanwhile":
            Person.objects.filter(pk=nina.pk).update(is_active=False)

        with leaves_nothing():
            follow(identity, is_active=False, **({"subject": "43"} if late == "another subject" else {}))


class TestKeepTokens:
    def test_seals_the_new_ones_in_a_new_round(self, cast: Cast) -> None:
        identity = Identity.objects.get(person=arrive(tokens="{}"))

        kept = keep(identity)

        held = Identity.objects.get(pk=identity.pk)
        assert (kept, held.tokens_round) == (identity.tokens_round + 1, identity.tokens_round + 1)
        assert sealing.open_sealed(bytes(held.sealed_tokens or b""), purpose=f"identity/{ISSUER}/42") == '{"new": 1}'

    @pytest.mark.parametrize("late", ["signed in meanwhile", "disabled meanwhile"])
    def test_leaves_what_is_newer_and_voids_the_question(self, cast: Cast, late: str) -> None:
        nina = arrive(tokens="{}")
        identity = Identity.objects.get(person=nina)
        if late == "signed in meanwhile":
            arrive(tokens="{}")
        else:
            Person.objects.filter(pk=nina.pk).update(is_active=False)

        with leaves_nothing():
            assert keep(identity) == identity.tokens_round
        held = Identity.objects.get(pk=identity.pk)
        assert sealing.open_sealed(bytes(held.sealed_tokens or b""), purpose=f"identity/{ISSUER}/42") == "{}"


class TestTurnAway:
    def test_ends_all_at_once_and_once(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        grant = make.approved_grant(nina, cast.bob)
        identity = Identity.objects.get(person=nina)
        traces = Traces()

        identities.turn_away(identity_id=identity.pk, tokens_round=identity.tokens_round, why="gone")

        assert Grant.objects.get(pk=grant.pk).state == "revoking"
        assert traces.facts("person.disabled")["why"] == "gone"
        with leaves_nothing():
            identities.turn_away(identity_id=identity.pk, tokens_round=identity.tokens_round, why="gone")

    def test_the_file_cannot_let_in_whom_the_provider_turned_away(self, cast: Cast) -> None:
        identity = link(cast.alice)
        identities.turn_away(identity_id=identity.pk, tokens_round=identity.tokens_round, why="gone")

        make.apply("alice")

        assert not Person.objects.get(pk=cast.alice.pk).is_active

    def test_the_provider_cannot_let_in_whom_the_file_switched_off_as_well(self, cast: Cast) -> None:
        identity = link(cast.alice)
        identities.turn_away(identity_id=identity.pk, tokens_round=identity.tokens_round, why="gone")
        traces = Traces()

        make.apply("alice", active=False)

        assert traces.facts("person.applied") == {"is_off_in_file": True}
        assert not arrive().is_active
        make.apply("alice")
        assert not Person.objects.get(pk=cast.alice.pk).is_active, "The provider's own word stands."
        assert arrive().is_active

    def test_silence_changes_nothing_but_when_it_was(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        identity = Identity.objects.get(person=nina)

        identities.mark_asked(identity_id=identity.pk)

        identity.refresh_from_db()
        assert (identity.person.is_active, identity.refused_at) == (True, None)


class TestWhomToAsk:
    def test_those_who_wait_or_hold_and_have_been_asked_longest_ago(self, cast: Cast) -> None:
        nina = arrive(tokens="{}")
        Identity.objects.update(asked_at=None)

        def due() -> list[int]:
            return people_queries.identities_to_ask(before=make.now(), limit=10)

        assert due() == []
        waiting = make.submit(nina)
        assert due() == [nina.identity.pk]
        make.approve(waiting, cast.bob)
        assert due() == [nina.identity.pk]
        identities.mark_asked(identity_id=nina.identity.pk)
        assert people_queries.identities_to_ask(before=nina.created_at, limit=10) == []
        identities.turn_away(identity_id=nina.identity.pk, tokens_round=nina.identity.tokens_round, why="gone")
        assert due() == []
