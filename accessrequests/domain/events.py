"""Every fact that can happen, every job that can follow, and the one table that ties them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """A fact, in the past tense. The value is what the audit trail shows."""

    ACCESS_REQUEST_SUBMITTED = "access_request.submitted"
    ACCESS_REQUEST_EDITED = "access_request.edited"
    ACCESS_REQUEST_ASKED = "access_request.asked"
    ACCESS_REQUEST_APPROVAL_GIVEN = "access_request.approval_given"
    ACCESS_REQUEST_APPROVED = "access_request.approved"
    ACCESS_REQUEST_EXTENSION_APPROVED = "access_request.extension_approved"
    ACCESS_REQUEST_DENIED = "access_request.denied"
    ACCESS_REQUEST_CANCELLED = "access_request.cancelled"
    ACCESS_REQUEST_EXPIRED = "access_request.expired"
    ACCESS_REQUEST_COMMENTED = "access_request.commented"
    ACCESS_REQUEST_REFUSED = "access_request.refused"
    GRANT_PROVISIONING_STARTED = "grant.provisioning_started"
    GRANT_ACTIVATED = "grant.activated"
    GRANT_WAITING = "grant.waiting"
    GRANT_ATTEMPT_FAILED = "grant.attempt_failed"
    GRANT_PROVISIONING_FAILED = "grant.provisioning_failed"
    GRANT_EXTENDED = "grant.extended"
    GRANT_EXTENSION_FAILED = "grant.extension_failed"
    GRANT_ENDING_SOON = "grant.ending_soon"
    GRANT_REVOCATION_STARTED = "grant.revocation_started"
    GRANT_REVOCATION_HURRIED = "grant.revocation_hurried"
    GRANT_SWEPT = "grant.swept"
    GRANT_CUT = "grant.cut"
    GRANT_REVOKED = "grant.revoked"
    GRANT_END_PUT_BACK = "grant.end_put_back"
    GRANT_DRIFT_FOUND = "grant.drift_found"
    GRANT_DIAGNOSIS_ASKED = "grant.diagnosis_asked"
    GRANT_DIAGNOSED = "grant.diagnosed"
    GRANT_REFUSED = "grant.refused"
    CREDENTIAL_REVEALED = "credential.revealed"
    CREDENTIAL_ERASED = "credential.erased"
    CREDENTIAL_ROTATION_STARTED = "credential.rotation_started"
    CREDENTIAL_ROTATED = "credential.rotated"
    BREAKGLASS_REQUESTED = "breakglass.requested"
    BREAKGLASS_ACTIVATED = "breakglass.activated"
    BREAKGLASS_USED = "breakglass.used"
    BREAKGLASS_ENDED = "breakglass.ended"
    BREAKGLASS_REVIEWED = "breakglass.reviewed"
    BREAKGLASS_REVIEW_OVERDUE = "breakglass.review_overdue"
    BREAKGLASS_DRILL_DUE = "breakglass.drill_due"
    BREAKGLASS_SELF_TEST_ASKED = "breakglass.self_test_asked"
    BREAKGLASS_SELF_TESTED = "breakglass.self_tested"
    BREAKGLASS_REFUSED = "breakglass.refused"
    BREAKGLASS_ALERT_FAILED = "breakglass.alert_failed"
    DELEGATION_MADE = "delegation.made"
    DELEGATION_ENDED = "delegation.ended"
    BREAKGLASS_KIT_ORDERED = "breakglass.kit_ordered"
    BREAKGLASS_KIT_MADE = "breakglass.kit_made"
    BREAKGLASS_KIT_USED = "breakglass.kit_used"
    BREAKGLASS_KIT_ROTATED = "breakglass.kit_rotated"
    BREAKGLASS_KIT_REVIEWED = "breakglass.kit_reviewed"
    BREAKGLASS_KIT_REVIEW_OVERDUE = "breakglass.kit_review_overdue"
    BREAKGLASS_KIT_DAMAGED = "breakglass.kit_damaged"
    BREAKGLASS_KIT_ENDED = "breakglass.kit_ended"
    ACCESS_REVIEW_STARTED = "access_review.started"
    ACCESS_REVIEW_ANSWERED = "access_review.answered"
    ACCESS_REVIEW_HANDED_OVER = "access_review.handed_over"
    ACCESS_REVIEW_REMINDED = "access_review.reminded"
    ACCESS_REVIEW_SIGNED_OFF = "access_review.signed_off"
    ACCESS_REVIEW_CANCELLED = "access_review.cancelled"
    ACCESS_REVIEW_REFUSED = "access_review.refused"
    AUDIT_VERIFIED = "audit.verified"
    AUDIT_EXPORTED = "audit.exported"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_APPROVED = "policy.approved"
    POLICY_REJECTED = "policy.rejected"
    POLICY_PUBLISHED = "policy.published"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_UNREADABLE = "schedule.unreadable"
    TARGET_APPLIED = "target.applied"
    TARGET_UNREACHABLE = "target.unreachable"
    TARGET_REACHABLE = "target.reachable"
    TARGET_MOVED = "target.moved"
    TARGET_LOOK_ASKED = "target.look_asked"
    TARGET_CHANGED_OUTSIDE = "target.changed_outside"
    TARGET_OURS_CHANGED = "target.ours_changed"
    TARGET_ORPHAN_ENDED = "target.orphan_ended"
    TARGET_CLOCK_SKEWED = "target.clock_skewed"
    TARGET_AUTHORITY_ENDING = "target.authority_ending"
    TARGET_METHOD_MISSING = "target.method_missing"
    CLOCK_SKEWED = "clock.skewed"
    DATABASE_QUARANTINED = "database.quarantined"
    DATABASE_ACCEPTED = "database.accepted"
    DATABASE_RESEALED = "database.resealed"
    PERSON_APPLIED = "person.applied"
    PERSON_DISABLED = "person.disabled"
    PERSON_ENABLED = "person.enabled"
    PERSON_SIGNED_IN = "person.signed_in"
    PERSON_SIGN_IN_REFUSED = "person.sign_in_refused"
    PERSON_SESSIONS_ENDED = "person.sessions_ended"
    PERSON_SECOND_FACTOR_ADDED = "person.second_factor_added"
    PERSON_SECOND_FACTOR_REMOVED = "person.second_factor_removed"
    PERSON_RECOVERY_CODES_MADE = "person.recovery_codes_made"
    CUSTOM_ROLE_PROPOSED = "custom_role.proposed"
    CUSTOM_ROLE_APPROVAL_GIVEN = "custom_role.approval_given"
    CUSTOM_ROLE_APPROVED = "custom_role.approved"
    CUSTOM_ROLE_DENIED = "custom_role.denied"
    CUSTOM_ROLE_CANCELLED = "custom_role.cancelled"
    CUSTOM_ROLE_EXPIRED = "custom_role.expired"
    CUSTOM_ROLE_APPLIED = "custom_role.applied"
    CUSTOM_ROLE_FAILED = "custom_role.failed"
    CUSTOM_ROLE_REFUSED = "custom_role.refused"
    PERSON_CHANNELS_CHOSEN = "person.channels_chosen"
    PERSON_SLACK_LINKED = "person.slack_linked"
    PERSON_SLACK_UNLINKED = "person.slack_unlinked"
    SLACK_REJECTED = "slack.rejected"
    SLACK_STOPPED = "slack.stopped"
    SLACK_RESUMED = "slack.resumed"
    SLACK_CHANNEL_LEFT = "slack.channel_left"
    SLACK_CHANNEL_USED = "slack.channel_used"
    SLACK_CHANNEL_MOVED = "slack.channel_moved"
    SLACK_TEST_ASKED = "slack.test_asked"
    GROUP_APPLIED = "group.applied"
    TOKEN_CREATED = "token.created"  # noqa: S105 - the name of a fact
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - the name of a fact


class Job(StrEnum):
    """Work that follows an event, or that the relay files by the clock."""

    REVOKE = "revoke"
    PROVISION = "provision"
    ROTATE = "rotate"
    ERASE_CREDENTIAL = "erase_credential"
    NOTIFY = "notify"
    DELIVER = "deliver"
    RECONCILE = "reconcile"
    READ_INVENTORY = "read_inventory"
    READ_CHANGES = "read_changes"
    PROVE_ALIVE = "prove_alive"
    PRUNE = "prune"
    ASK_PROVIDER = "ask_provider"
    REARM = "rearm"
    EXTEND = "extend"
    DIAGNOSE = "diagnose"
    READ_USAGE = "read_usage"
    CHANGE_CUSTOM_ROLE = "change_custom_role"
    READ_SCHEDULES = "read_schedules"
    WATCH_BREAK_GLASS = "watch_break_glass"
    SELF_TEST = "self_test"
    WATCH_KIT = "watch_kit"
    ROTATE_KIT = "rotate_kit"
    SHOW_IN_SLACK = "show_in_slack"
    SEND_TO_SLACK = "send_to_slack"
    SHOW_HOME = "show_home"
    WATCH_SLACK = "watch_slack"


class Queue(StrEnum):
    """Celery's queues, most urgent first."""

    REVOKE = "revoke"
    BREAK_GLASS = "break_glass"
    PROVISION = "provision"
    NOTIFY = "notify"
    RECONCILE = "reconcile"


class Via(StrEnum):
    """Through what a person or a machine acted."""

    WEB = "web"
    API = "api"
    SLACK = "slack"
    WORKER = "worker"
    COMMAND = "command"


PRODUCT = "access-requests"  # who acts when nobody does: the workers and the relay


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and through what. `name` is a user name, or the name of the machine's own part."""

    name: str
    via: Via
    person_id: int | None = None


QUEUE_OF: Mapping[Job, Queue] = {
    Job.REVOKE: Queue.REVOKE,
    Job.PROVISION: Queue.PROVISION,
    Job.ROTATE: Queue.PROVISION,
    Job.ERASE_CREDENTIAL: Queue.NOTIFY,
    Job.NOTIFY: Queue.NOTIFY,
    Job.DELIVER: Queue.NOTIFY,
    Job.RECONCILE: Queue.RECONCILE,
    Job.READ_INVENTORY: Queue.RECONCILE,
    Job.READ_CHANGES: Queue.RECONCILE,
    Job.PROVE_ALIVE: Queue.RECONCILE,
    Job.PRUNE: Queue.RECONCILE,
    Job.ASK_PROVIDER: Queue.RECONCILE,
    Job.REARM: Queue.PROVISION,
    Job.EXTEND: Queue.PROVISION,
    Job.DIAGNOSE: Queue.PROVISION,
    Job.READ_USAGE: Queue.RECONCILE,
    Job.CHANGE_CUSTOM_ROLE: Queue.PROVISION,
    Job.READ_SCHEDULES: Queue.RECONCILE,
    Job.WATCH_BREAK_GLASS: Queue.RECONCILE,
    Job.SELF_TEST: Queue.RECONCILE,
    Job.WATCH_KIT: Queue.RECONCILE,
    Job.ROTATE_KIT: Queue.BREAK_GLASS,
    Job.SHOW_IN_SLACK: Queue.NOTIFY,
    Job.SEND_TO_SLACK: Queue.NOTIFY,
    Job.SHOW_HOME: Queue.NOTIFY,
    Job.WATCH_SLACK: Queue.RECONCILE,
}

# Both write the end of a grant on its target, so that one of them never undoes the other.
_END = "end"
_LANES: Mapping[Job, str] = {Job.REARM: _END, Job.EXTEND: _END}


def lane_of(job: Job, subject: str) -> str:
    """Messages of one lane go one after the other."""
    return f"{_LANES.get(job, job.value)}/{subject}"


# What waits for nobody: where the broker and the workers are away, the relay carries it by itself.
ALARMS = frozenset(
    {
        Event.BREAKGLASS_REQUESTED,
        Event.BREAKGLASS_ACTIVATED,
        Event.BREAKGLASS_USED,
        Event.BREAKGLASS_ENDED,
        Event.BREAKGLASS_REVIEW_OVERDUE,
        Event.BREAKGLASS_KIT_USED,
    }
)

FOLLOW_UPS: Mapping[Event, tuple[Job, ...]] = {
    Event.ACCESS_REQUEST_SUBMITTED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_EDITED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_ASKED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_APPROVAL_GIVEN: (Job.SHOW_IN_SLACK,),
    Event.ACCESS_REQUEST_APPROVED: (Job.PROVISION, Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_EXTENSION_APPROVED: (Job.EXTEND, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_DENIED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_CANCELLED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_EXPIRED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.ACCESS_REQUEST_COMMENTED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_ACTIVATED: (Job.ERASE_CREDENTIAL, Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_ATTEMPT_FAILED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_PROVISIONING_FAILED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_EXTENDED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_EXTENSION_FAILED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_ENDING_SOON: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_REVOCATION_STARTED: (Job.REVOKE, Job.SHOW_IN_SLACK),
    Event.GRANT_CUT: (Job.SHOW_IN_SLACK,),
    Event.GRANT_REVOKED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_DRIFT_FOUND: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.GRANT_DIAGNOSIS_ASKED: (Job.DIAGNOSE,),
    # Access first, review after: what is "approved" elsewhere is "activated" here.
    Event.BREAKGLASS_REQUESTED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_ACTIVATED: (Job.PROVISION, Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_USED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_ENDED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_REVIEWED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_REVIEW_OVERDUE: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.BREAKGLASS_DRILL_DUE: (Job.NOTIFY,),
    Event.BREAKGLASS_SELF_TEST_ASKED: (Job.SELF_TEST,),
    Event.BREAKGLASS_SELF_TESTED: (Job.NOTIFY,),
    Event.BREAKGLASS_KIT_MADE: (Job.NOTIFY,),
    # Whoever has used it knows its password, so that nobody else shall find it of any use.
    Event.BREAKGLASS_KIT_USED: (Job.ROTATE_KIT, Job.NOTIFY),
    Event.BREAKGLASS_KIT_REVIEWED: (Job.NOTIFY,),
    Event.BREAKGLASS_KIT_REVIEW_OVERDUE: (Job.NOTIFY,),
    Event.BREAKGLASS_KIT_DAMAGED: (Job.NOTIFY,),
    Event.BREAKGLASS_KIT_ENDED: (Job.NOTIFY,),
    Event.ACCESS_REVIEW_STARTED: (Job.NOTIFY,),
    Event.ACCESS_REVIEW_HANDED_OVER: (Job.NOTIFY,),
    Event.ACCESS_REVIEW_REMINDED: (Job.NOTIFY,),
    Event.CREDENTIAL_ROTATION_STARTED: (Job.ROTATE,),
    Event.CREDENTIAL_ROTATED: (Job.ERASE_CREDENTIAL,),
    Event.POLICY_PROPOSED: (Job.NOTIFY,),
    Event.DELEGATION_MADE: (Job.NOTIFY,),
    Event.DELEGATION_ENDED: (Job.NOTIFY,),
    Event.PERSON_SLACK_LINKED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.PERSON_SLACK_UNLINKED: (Job.NOTIFY, Job.SHOW_IN_SLACK),
    Event.CUSTOM_ROLE_PROPOSED: (Job.NOTIFY,),
    Event.CUSTOM_ROLE_APPROVED: (Job.CHANGE_CUSTOM_ROLE,),
    Event.CUSTOM_ROLE_DENIED: (Job.NOTIFY,),
    Event.CUSTOM_ROLE_CANCELLED: (Job.NOTIFY,),
    Event.CUSTOM_ROLE_EXPIRED: (Job.NOTIFY,),
    Event.CUSTOM_ROLE_APPLIED: (Job.NOTIFY,),
    Event.CUSTOM_ROLE_FAILED: (Job.NOTIFY,),
    Event.TARGET_APPLIED: (Job.READ_INVENTORY,),
    Event.TARGET_AUTHORITY_ENDING: (Job.NOTIFY,),
    Event.TARGET_LOOK_ASKED: (Job.RECONCILE, Job.READ_INVENTORY, Job.READ_CHANGES),
    Event.TARGET_OURS_CHANGED: (Job.NOTIFY,),
}
