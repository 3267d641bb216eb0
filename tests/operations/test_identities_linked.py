"""Guards the link between a person and a provider: made by an operator, taken from nobody else, and what its end ends."""

from __future__ import annotations

from accessrequests.models import AuditEvent, Identity, Membership
from accessrequests.operations import identities, people
from accessrequests.queries.asks import Invalid
from tests import make
from tests.make import Cast
from tests.operations.provider_words import ISSUER, arrive, link, sources
from tests.traces import Traces, leaves_nothing, refuses


class TestLink:
    def test_is_the_operators_and_is_recorded(self, cast: Cast) -> None:
        traces = Traces()

        identity = link(cast.alice)

        assert (identity.subject, identity.made_person) == ("42", False)
        assert traces.facts("person.applied") == {"identity": {"issuer": ISSUER, "subject": "42"}}
        with leaves_nothing():
            link(cast.alice)
        assert link(cast.alice, subject="43").subject == "43"
        assert Identity.objects.filter(person=cast.alice).count() == 1

    def test_means_one_person(self, cast: Cast) -> None:
        link(cast.alice)

        with refuses(Invalid, match="alice's already"):
            link(cast.bob)

    def test_to_somebody_else_ends_what_the_first_one_brought(self, cast: Cast) -> None:
        before = link(cast.alice)
        alice = arrive(tokens="{}", groups=frozenset({"security"}))
        proof = alice.get_session_auth_hash()
        before.refresh_from_db()
        traces = Traces()

        link(cast.alice, subject="43")

        alice.refresh_from_db()
        assert alice.get_session_auth_hash() != proof, "A session that the other one may have begun."
        assert sources(alice) == {("engineering", "file")}
        assert traces.facts("person.applied") == {"identity": {"issuer": ISSUER, "subject": "43"}, "left": ["security"]}
        with leaves_nothing():
            identities.turn_away(identity_id=before.pk, tokens_round=before.tokens_round, why="asked about the first")

    def test_what_the_file_names_becomes_its_own(self, cast: Cast) -> None:
        nina = arrive()
        entry = {"name": "Nina Novak", "email": "nina@example.com", "groups": ["engineering"]}
        groups: dict[str, dict[str, str]] = {"engineering": {}}
        since = Membership.objects.get(person=nina).since

        people.apply_people(groups=groups, entries={"nina": entry}, actor=make.OPERATOR)

        assert sources(nina) == {("engineering", "file")}
        assert Membership.objects.get(person=nina).since == since
        arrive(groups=frozenset())
        assert sources(nina) == {("engineering", "file")}
        people.apply_people(groups=groups, entries={"nina": {**entry, "groups": []}}, actor=make.OPERATOR)
        assert sources(nina) == set()


class TestLeaving:
    def test_takes_back_what_waits_for_somebody_whom_the_file_disables(self, cast: Cast) -> None:
        waiting, others = make.submit(cast.alice), make.submit(cast.frank)

        make.apply("alice", active=False)

        waiting.refresh_from_db()
        others.refresh_from_db()
        assert (waiting.state, others.state) == ("cancelled", "pending")
        event = AuditEvent.objects.get(event="access_request.cancelled")
        assert event.facts == {"why": "the person may no longer sign in"}
