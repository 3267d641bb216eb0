"""Guards the question why an access does not work: who may ask it, one at a time, and what is kept of the answer."""

from __future__ import annotations

import pytest

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut, findings
from accessrequests.domain.events import Job, Via
from accessrequests.domain.lifecycle import GateName
from accessrequests.models import Diagnosis as Asked
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import credentials, diagnoses, grants
from accessrequests.operations.refusals import Refused
from accessrequests.queries import diagnoses as queries
from tests import make
from tests.make import Cast
from tests.workers.rows import events_of, facts_of

FOUND = findings(GateName, Diagnosis(known=frozenset(GateName), shut=(Shut(Cause.ROLE_GONE, "read@shop"),)))


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return make.active_grant(cast.alice, cast.bob, source_addresses=("192.0.2.7",))


def jobs(grant: Grant) -> int:
    return OutboxMessage.objects.filter(job=Job.DIAGNOSE.value, subject=str(grant)).count()


class TestAsking:
    @pytest.mark.parametrize("name", ["alice", "bob", "dave", "erin"])
    def test_is_for_the_holder_those_who_may_end_it_and_auditors(self, cast: Cast, grant: Grant, name: str) -> None:
        asked = diagnoses.ask(grant_id=grant.pk, person=getattr(cast, name), via=Via.API, address="198.51.100.9")

        assert asked.finished_at is None
        assert asked.asked_from == ("198.51.100.9" if name == "alice" else "")
        assert events_of(grant)[-1] == "grant.diagnosis_asked"
        assert jobs(grant) == 1

    def test_is_refused_to_all_others(self, cast: Cast, grant: Grant) -> None:
        with pytest.raises(Refused):
            diagnoses.ask(grant_id=grant.pk, person=cast.mallory, via=Via.API)

        assert not Asked.objects.exists()
        assert jobs(grant) == 0

    def test_again_waits_for_the_same_answer(self, cast: Cast, grant: Grant) -> None:
        first = diagnoses.ask(grant_id=grant.pk, person=cast.alice, via=Via.WEB)
        second = diagnoses.ask(grant_id=grant.pk, person=cast.bob, via=Via.API)

        assert second == first
        assert second.asked_by == cast.alice
        assert jobs(grant) == 1

    def test_after_the_answer_asks_anew(self, cast: Cast, grant: Grant) -> None:
        diagnoses.ask(grant_id=grant.pk, person=cast.alice, via=Via.WEB)
        diagnoses.answer(grant_id=grant.pk, findings=FOUND)

        again = diagnoses.ask(grant_id=grant.pk, person=cast.bob, via=Via.API)

        assert (again.asked_by, again.finished_at, again.findings) == (cast.bob, None, [])
        assert Asked.objects.count() == 1
        assert jobs(grant) == 2


class TestTheAnswer:
    def test_is_kept_in_words_and_the_address_is_not(self, cast: Cast, grant: Grant) -> None:
        diagnoses.ask(grant_id=grant.pk, person=cast.alice, via=Via.WEB, address="198.51.100.9")

        diagnoses.answer(grant_id=grant.pk, findings=FOUND)

        kept = Asked.objects.get()
        assert kept.finished_at is not None
        assert kept.asked_from == ""
        assert [(one["gate"], one["state"]) for one in kept.findings] == [
            ("network", "open"),
            ("user", "open"),
            ("roles", "shut"),
        ]
        (facts,) = facts_of(grant, "grant.diagnosed")
        assert facts == {
            "gates": {"network": "open", "user": "open", "roles": "shut"},
            "why": "The user no longer has read@shop.",
        }

    def test_that_comes_a_second_time_changes_nothing(self, cast: Cast, grant: Grant) -> None:
        diagnoses.ask(grant_id=grant.pk, person=cast.alice, via=Via.WEB)
        diagnoses.answer(grant_id=grant.pk, findings=FOUND)
        diagnoses.answer(grant_id=grant.pk, findings=[])

        assert Asked.objects.get().findings == FOUND
        assert events_of(grant).count("grant.diagnosed") == 1


class TestWhatWeKnow:
    def causes(self, grant: Grant) -> list[Cause]:
        asked = queries.unanswered(grant.pk)
        assert asked is not None
        return [shut.cause for shut in queries.seen_from_here(asked)]

    def test_the_password_that_nobody_has_read(self, cast: Cast, grant: Grant) -> None:
        diagnoses.ask(grant_id=grant.pk, person=cast.bob, via=Via.WEB)
        assert self.causes(grant) == [Cause.PASSWORD_UNREAD]

        credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)
        assert self.causes(grant) == []

        credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)
        assert self.causes(grant) == [], "until the target has the new one, the old one works"

    @pytest.mark.parametrize(
        ("address", "expected"), [("192.0.2.7", []), ("192.0.2.8", [Cause.ASKED_FROM_ELSEWHERE]), ("", [])]
    )
    def test_where_the_holder_comes_from(self, cast: Cast, grant: Grant, address: str, expected: list[Cause]) -> None:
        credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)
        diagnoses.ask(grant_id=grant.pk, person=cast.alice, via=Via.WEB, address=address)

        assert self.causes(grant) == expected

    def test_that_it_is_not_set_up_yet_or_has_ended(self, cast: Cast, grant: Grant) -> None:
        pending = make.approved_grant(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grant.refresh_from_db()

        assert queries.not_live(pending) == Shut(Cause.NOT_SET_UP)
        ended = queries.not_live(grant)
        assert ended is not None
        assert ended.cause is Cause.ENDED
        assert "alice" in ended.what
