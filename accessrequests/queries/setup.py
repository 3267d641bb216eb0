"""What an installation needs before the first access can be asked for, and what of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain.events import Queue
from accessrequests.models import AccessRequest, Group, Inventory, OutboxMessage, Person, PolicyVersion, Target
from accessrequests.queries import health, people, watch


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must be there. `command` is what an operator types, `place` the name of a page."""

    title: str
    is_done: bool
    state: str
    command: str = ""
    place: str = ""


def is_empty() -> bool:
    """Whether nobody could sign in."""
    return not Person.objects.exists()


def is_complete() -> bool:
    """Whether people can ask at all: a policy, a target that was read, and a first request that proved it."""
    return AccessRequest.objects.exists() or (PolicyVersion.objects.exists() and Inventory.objects.exists())


def steps(*, at: datetime) -> list[Step]:
    obstacle = health.obstacle()
    targets, read = Target.objects.filter(retired_at=None).count(), Inventory.objects.count()
    policy = PolicyVersion.objects.order_by("-version").first()
    folk, groups = Person.objects.filter(is_active=True).count(), Group.objects.count()
    asked = AccessRequest.objects.count()
    return [
        Step(
            "The database is migrated, and its audit trail is guarded",
            obstacle is None,
            obstacle or "It is.",
            "manage.py bootstrap",
        ),
        Step(
            "Somebody administers",
            people.administrators().exists(),
            "You, among others.",
            "manage.py people apply people.yaml",
        ),
        Step(
            "People and their groups are known",
            folk > 1,
            f"{folk} active people in {groups} groups.",
            "manage.py people apply people.yaml",
            "people",
        ),
        Step(
            "A policy is published",
            policy is not None,
            f"{policy}." if policy else "None yet, so nothing can be asked for.",
            "manage.py policy publish policy.yaml",
            "policies",
        ),
        Step(
            "A target is applied", targets > 0, f"{targets} targets.", "manage.py targets apply targets.yaml", "targets"
        ),
        _alive(at),
        Step(
            "What is on it has been read",
            read > 0,
            f"{read} of {targets} targets have been read. A worker reads them within a minute.",
            "manage.py relay",
            "health",
        ),
        _mail(),
        Step("A first request was made", asked > 0, f"{asked} so far.", place="ask"),
    ]


def _alive(at: datetime) -> Step:
    silent = [sign.who for sign in watch.figures(at).signs if not sign.is_alive]
    state = (
        f"No sign of life of {', '.join(silent)} within three minutes."
        if silent
        else "All of them gave a sign within three minutes."
    )
    return Step("The relay and both workers are alive", not silent, state, "manage.py relay", "health")


def _mail() -> Step:
    """Judged by what became of the notices: only workers know the mail server."""
    notices = OutboxMessage.objects.filter(queue=Queue.NOTIFY.value)
    failing = notices.filter(done_at=None, failures__gt=0).count()
    sent = notices.filter(done_at__isnull=False).exists()
    state = "Nobody has been told anything yet."
    if failing:
        state = f"{failing} notices do not get through and are tried again. Look at the workers' EMAIL_URL."
    elif sent:
        state = "Every notice so far was taken by the mail server."
    return Step("Mail goes out", sent and not failing, state, "EMAIL_URL=smtp://mail.example.com:25")
