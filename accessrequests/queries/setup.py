"""What an installation needs before the first access can be asked for, and what of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accessrequests.models import AccessRequest, Inventory, Person, PolicyVersion
from accessrequests.queries import health, watch

# One question, because it is asked on a page that has many others.
_COUNTS = """
SELECT (SELECT count(*) FROM accessrequests_target WHERE retired_at IS NULL),
       (SELECT count(*) FROM accessrequests_inventory),
       (SELECT count(*) FROM accessrequests_person WHERE is_active),
       (SELECT count(*) FROM accessrequests_group),
       (SELECT count(*) FROM accessrequests_accessrequest),
       EXISTS (SELECT FROM accessrequests_membership AS held
                 JOIN accessrequests_person AS person ON person.id = held.person_id AND person.is_active
                 JOIN accessrequests_group AS team ON team.id = held.group_id AND team.role = 'administrator'
                WHERE held.ended_at IS NULL),
       (SELECT count(*) FROM accessrequests_outboxmessage
         WHERE queue = 'notify' AND done_at IS NULL AND failures > 0),
       EXISTS (SELECT FROM accessrequests_outboxmessage WHERE queue = 'notify' AND done_at IS NOT NULL)
"""


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
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        targets, read, folk, groups, asked, is_administered, failing, is_told = cursor.fetchone()
    policy = PolicyVersion.objects.order_by("-version").first()
    return [
        Step(
            "The database is migrated, and its audit trail is guarded",
            obstacle is None,
            obstacle or "It is.",
            "manage.py bootstrap",
        ),
        Step(
            "Somebody administers",
            is_administered,
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
        _mail(failing, is_told=is_told),
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


def _mail(failing: int, *, is_told: bool) -> Step:
    """Judged by what became of the notices: only workers know the mail server."""
    state = "Nobody has been told anything yet."
    if failing:
        state = f"{failing} notices do not get through and are tried again. Look at the workers' EMAIL_URL."
    elif is_told:
        state = "Every notice so far was taken by the mail server."
    return Step("Mail goes out", is_told and not failing, state, "EMAIL_URL=smtp://mail.example.com:25")
