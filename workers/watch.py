"""Looks after break-glass by the clock: reviews that are overdue, drills that nobody holds, and the weekly test."""

from __future__ import annotations

from accessrequests.domain.events import Job
from accessrequests.operations import break_glass, outbox
from accessrequests.operations import offline_kits as operations
from accessrequests.operations.outbox import Claim
from accessrequests.queries import broken, clock, offline_kits
from workers.outcomes import Done, Outcome


def watch_break_glass(_claim: Claim) -> Outcome:
    at, version = clock.now(), broken.newest_policy()
    for one in broken.overdue(at):
        break_glass.escalate(access_request_id=one.access_request_id)
    for use_id in offline_kits.unreviewed():
        operations.escalate(use_id=use_id)
    if broken.is_settled(at=at):
        for target in broken.lacking_drills(version, at=at):
            break_glass.remind_of_drill(slug=target.slug)
    if broken.is_test_due(version, at=at):
        outbox.file_periodic(job=Job.SELF_TEST, subject=broken.SELF_TEST)
    return Done()
