"""Tells two people that one of them answers in the place of the other, or no longer does."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.channels import News
from accessrequests.domain.delegating import notice_to_giver, notice_to_stand_in
from accessrequests.domain.events import Event
from accessrequests.models import Delegation
from accessrequests.operations.outbox import Claim
from accessrequests.queries import audit
from workers import telling
from workers.channels.email import Thread


def tell(claim: Claim) -> None:
    """Nobody who may no longer sign in is told.

    :raises NotSent: when a mail could not be sent.
    """
    told = audit.told_by(claim.message_id)
    numbers = told.facts.get("delegations", []) if told is not None else []
    for one in Delegation.objects.filter(pk__in=numbers).select_related("giver", "stand_in").order_by("pk"):
        _tell(claim, one, why=str(told.facts.get("why", "")) if told is not None else "")


def _tell(claim: Claim, delegation: Delegation, *, why: str) -> None:
    event, giver, stand_in = Event(claim.event), delegation.giver, delegation.stand_in
    thread = Thread(about=str(delegation), notice=f"notice-{claim.message_id}-{delegation.pk}")
    times = {"starts_at": delegation.starts_at, "ends_at": delegation.ends_at}
    url = f"{settings.ACCESS_BASE_URL}/account/away/"
    own = notice_to_giver(event, stand_in=stand_in.name, why=why, url=url, **times)
    url = f"{settings.ACCESS_BASE_URL}/approvals/"
    others = notice_to_stand_in(event, giver=giver.name, url=url, **times)
    telling.tell(own, to=[giver] if giver.is_active else [], thread=thread, news=News.OWN)
    telling.tell(others, to=[stand_in] if stand_in.is_active else [], thread=thread, news=News.OWN)
