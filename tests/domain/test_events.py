"""Guards the flow's one table: every event and job is known, sorted and written as the outside world reads it."""

from __future__ import annotations

import re

import pytest

from accessrequests.domain.events import FOLLOW_UPS, QUEUE_OF, Actor, Event, Job, Queue, Via

# The names that the API shows; other tools rely on them.
FIXED_NAMES = {
    *(
        f"access_request.{fact}"
        for fact in ("submitted", "approval_given", "approved", "denied", "cancelled", "expired")
    ),
    *("access_request.refused", "grant.provisioning_started", "grant.activated", "grant.attempt_failed"),
    *("grant.provisioning_failed", "grant.revocation_started", "grant.cut", "grant.revoked", "grant.drift_found"),
    *("credential.revealed", "credential.erased", "credential.rotated", "policy.published", "target.applied"),
    *("target.unreachable", "target.reachable", "person.applied", "token.created", "token.revoked"),
}
# Filed by the clock, not by an event.
PERIODIC = {
    Job.RECONCILE,
    Job.PROVE_ALIVE,
    Job.READ_INVENTORY,
    Job.PRUNE,
    Job.ASK_PROVIDER,
    Job.REARM,
    Job.READ_USAGE,
    Job.WATCH_BREAK_GLASS,
    Job.WATCH_KIT,
    Job.READ_SCHEDULES,
    Job.WATCH_SLACK,
}
FILED_BY_OTHERS = {Job.DELIVER, Job.SEND_TO_SLACK, Job.SHOW_HOME}


class TestEvents:
    def test_carry_the_fixed_names(self) -> None:
        assert {event.value for event in Event} >= FIXED_NAMES

    @pytest.mark.parametrize("event", Event)
    def test_are_written_as_subject_and_fact(self, event: Event) -> None:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", event.value)
        assert event.name == event.value.replace(".", "_").upper()


class TestFollowUps:
    def test_speak_of_known_events_and_jobs(self) -> None:
        assert all(isinstance(event, Event) for event in FOLLOW_UPS)
        assert all(isinstance(job, Job) for jobs in FOLLOW_UPS.values() for job in jobs)

    def test_name_no_job_twice(self) -> None:
        assert all(jobs and len(set(jobs)) == len(jobs) for jobs in FOLLOW_UPS.values())

    def test_lead_to_every_job_that_the_clock_does_not_file(self) -> None:
        assert {job for jobs in FOLLOW_UPS.values() for job in jobs} >= set(Job) - PERIODIC - FILED_BY_OTHERS

    def test_revoke_on_every_start_of_a_revocation_and_on_nothing_else(self) -> None:
        assert {event for event, jobs in FOLLOW_UPS.items() if Job.REVOKE in jobs} == {Event.GRANT_REVOCATION_STARTED}

    def test_provision_on_approval_and_on_breaking_the_glass_only(self) -> None:
        born = {Event.ACCESS_REQUEST_APPROVED, Event.BREAKGLASS_ACTIVATED}

        assert {event for event, jobs in FOLLOW_UPS.items() if Job.PROVISION in jobs} == born

    def test_erase_a_credential_after_it_was_made_ready(self) -> None:
        made = {Event.GRANT_ACTIVATED, Event.CREDENTIAL_ROTATED}

        assert {event for event, jobs in FOLLOW_UPS.items() if Job.ERASE_CREDENTIAL in jobs} == made

    @pytest.mark.parametrize(
        "event",
        [
            *(Event.ACCESS_REQUEST_SUBMITTED, Event.ACCESS_REQUEST_APPROVED, Event.ACCESS_REQUEST_DENIED),
            *(Event.ACCESS_REQUEST_EXPIRED, Event.GRANT_PROVISIONING_FAILED, Event.GRANT_REVOKED),
        ],
    )
    def test_tell_people_of_what_concerns_them(self, event: Event) -> None:
        assert Job.NOTIFY in FOLLOW_UPS[event]


class TestQueues:
    def test_are_named_for_every_job(self) -> None:
        assert set(QUEUE_OF) == set(Job)
        assert set(QUEUE_OF.values()) <= set(Queue)

    def test_stand_most_urgent_first(self) -> None:
        assert [queue.value for queue in Queue] == ["revoke", "break_glass", "provision", "notify", "reconcile"]

    def test_keep_revocations_apart(self) -> None:
        assert {job for job, queue in QUEUE_OF.items() if queue is Queue.REVOKE} == {Job.REVOKE}


class TestActor:
    def test_says_through_what_one_acted(self) -> None:
        assert {via.value for via in Via} == {"web", "api", "slack", "worker", "command"}
        assert Actor(name="alice", via=Via.API).person_id is None
