"""Which function does which job, and the one way in which a message is carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.db import close_old_connections

from accessrequests.domain.events import Job
from accessrequests.operations import credentials, outbox, pruning, targets
from accessrequests.operations.outbox import Claim
from accessrequests.queries import work
from workers import (
    changes,
    deliver,
    diagnose,
    extend,
    inventory,
    kits,
    notify,
    probes,
    provider,
    provision,
    reconcile,
    revoke,
    role_changes,
    schedules,
    self_test,
    slack_copies,
    slack_homes,
    slack_watch,
    usage,
    watch,
)
from workers.clocks import WATCH
from workers.heart import HEART
from workers.outcomes import Again, Done, Outcome, backoff, try_again, wait_for

log = structlog.get_logger(__name__)


def _erase_credential(claim: Claim) -> Outcome:
    credentials.erase_unread(grant_id=claim.subject_id)
    return Done()


def _prune(_claim: Claim) -> Outcome:
    if pruning.prune():
        return Again(why="There is more that nobody reads any more.", delay=timedelta(), failed=False)
    return Done()


def _prove_alive(claim: Claim) -> Outcome:
    WATCH.compare(who=claim.subject_name)
    return Done()


HANDLERS: Mapping[Job, Callable[[Claim], Outcome]] = {
    Job.REVOKE: revoke.revoke,
    Job.PROVISION: provision.provision,
    Job.ROTATE: provision.rotate,
    Job.ERASE_CREDENTIAL: _erase_credential,
    Job.NOTIFY: notify.notify,
    Job.DELIVER: deliver.deliver,
    Job.RECONCILE: reconcile.reconcile,
    Job.READ_INVENTORY: inventory.read_inventory,
    Job.READ_CHANGES: changes.read_changes,
    Job.PROVE_ALIVE: _prove_alive,
    Job.PRUNE: _prune,
    Job.ASK_PROVIDER: provider.ask_provider,
    Job.REARM: provision.rearm,
    Job.EXTEND: extend.extend,
    Job.DIAGNOSE: diagnose.diagnose,
    Job.READ_USAGE: usage.read_usage,
    Job.CHANGE_CUSTOM_ROLE: role_changes.change_custom_role,
    Job.READ_SCHEDULES: schedules.read_schedules,
    Job.WATCH_BREAK_GLASS: watch.watch_break_glass,
    Job.SELF_TEST: self_test.self_test,
    Job.WATCH_KIT: kits.watch_kit,
    Job.ROTATE_KIT: kits.rotate_kit,
    Job.SHOW_IN_SLACK: slack_copies.show,
    Job.SEND_TO_SLACK: slack_copies.send,
    Job.SHOW_HOME: slack_homes.show_home,
    Job.WATCH_SLACK: slack_watch.watch,
}


def carry(*, message_id: int, owner: str) -> None:
    """Claim a message, do its job, and say what came of it. A message that somebody else holds is left alone."""
    close_old_connections()
    claim = outbox.claim(message_id=message_id, owner=owner)
    if claim is None:
        return
    with HEART.beating(claim), structlog.contextvars.bound_contextvars(**_said_in_each_line(claim)):
        outcome = _carried_out(claim)
        if isinstance(outcome, Again):
            outcome = _made_sure(claim, outcome)
            if outcome.unreachable and outcome.was_asked:
                targets.mark_unreachable(slug=outcome.unreachable, why=outcome.why)
            outbox.postpone(
                claim=claim,
                delay=outcome.delay,
                why=outcome.why,
                failed=outcome.failed,
                unreachable=outcome.unreachable,
            )
        else:
            outbox.finish(claim=claim)
        _tell(claim, outcome)


def _said_in_each_line(claim: Claim) -> dict[str, Any]:
    """`request_id` is also that of every message that is filed meanwhile."""
    said: dict[str, Any] = {"message": claim.message_id, "job": claim.job.value, "subject": claim.subject}
    return said | {"request_id": claim.request_id} if claim.request_id else said


def _tell(claim: Claim, outcome: Outcome) -> None:
    """What a person or a program asked for is followed to its end; what the clock asks for would only fill the log."""
    if not claim.request_id:
        return
    if isinstance(outcome, Again):
        log.info("carried_again_later", why=outcome.why, seconds=outcome.delay.total_seconds())
    else:
        log.info("carried")


def _made_sure(claim: Claim, outcome: Again) -> Again:
    """A target of which one call always fails is not away: what does not need that call goes on."""
    if outcome.is_sure or not outcome.unreachable or not probes.answers(outcome.unreachable):
        return outcome
    return replace(outcome, unreachable="", delay=backoff(claim.failures))


def _carried_out(claim: Claim) -> Outcome:
    try:
        # A revocation sees to it by itself: it may have nothing to ask the target for.
        if claim.target and claim.job is not Job.REVOKE and work.is_away(claim.target):
            return wait_for(claim.target)
        return HANDLERS[claim.job](claim)
    except Exception as error:
        # Whatever a handler did not foresee must not lose the message. Only the kind is stored: texts can hold secrets.
        log.exception("job_failed", failures=claim.failures)
        close_old_connections()
        return try_again(claim, f"An unforeseen {type(error).__name__}. The log of the worker has it whole.")
