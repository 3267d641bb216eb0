"""Whether break-glass would work if it had to: the way to each target, the room there, and every channel of alarms."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

from accessrequests.domain.cloud_events import cloud_event
from accessrequests.domain.events import Event
from accessrequests.domain.offline_kits import KitState
from accessrequests.models import OfflineKit, Target
from accessrequests.operations import break_glass
from accessrequests.operations.outbox import Claim
from accessrequests.queries import broken, clock, offline_kits, room
from workers import kits
from workers.channels import webhook
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome
from workers.provisioners.base import ProvisionerError
from workers.receivers import Receiver, receivers

MAIL = "mail"


def self_test(claim: Claim) -> Outcome:
    """Every part is tried, whatever became of the others; each that does not work says why."""
    parts = [_tested(MAIL, _try_mail)]
    try:
        named = list(receivers().values())
    except ProvisionerError as error:
        parts.append({"part": "webhooks", "why": str(error)})
        named = []
    at = clock.now()
    parts += [_tested(f"webhook {one.name}", partial(_try_webhook, one, claim, at)) for one in named]
    for target in broken.targets_to_break(broken.newest_policy()):
        parts.append(_tested(f"the way to {target.slug}", partial(_try_target, target)))
        parts.append(_tested(f"the reserve of {target.slug}", partial(_try_reserve, target)))
    for kit in offline_kits.everything():
        if kit.state != KitState.ENDED:
            parts.append(_tested(f"the offline kit of {kit.target.slug}", partial(_try_kit, kit)))
    break_glass.note_self_test(parts=parts)
    return Done()


def _tested(part: str, attempt: Callable[[], str]) -> dict[str, str]:
    try:
        why = attempt()
    except (ProvisionerError, webhook.NotDelivered) as error:
        why = str(error)
    except (smtplib.SMTPException, OSError, ImproperlyConfigured) as error:
        why = f"It does not answer ({type(error).__name__})."
    return {"part": part, "why": why}


def _try_mail() -> str:
    """The server takes us. Whether a mail arrives is seen only by whoever should get it."""
    connection = get_connection()
    connection.open()
    connection.close()
    return ""


def _try_webhook(receiver: Receiver, claim: Claim, at: datetime) -> str:
    event = cloud_event(
        number=claim.message_id,
        installation=settings.ACCESS_INSTALLATION,
        source=settings.ACCESS_BASE_URL,
        event=Event.BREAKGLASS_SELF_TESTED.value,
        subject=broken.SELF_TEST,
        at=at,
        data={"sentence": "This is a test of the way to you. Nothing has happened."},
    )
    webhook.post(receiver, event, now=int(at.timestamp()))
    return ""


def _try_target(target: Target) -> str:
    """Our login there, and its rights."""
    provisioner_for(target.slug).check()
    return ""


def _try_kit(kit: OfflineKit) -> str:
    """Its user is there with exactly its roles. Whether the halves open is seen only by who holds them."""
    return offline_kits.concern(kit, at=clock.now()) or kits.check(kit)


def _try_reserve(target: Target) -> str:
    taken = [quota.name for quota in room.quotas_of(target) if quota.left == 0]
    return f"{target.slug} is full: nobody could get in." if taken else ""
