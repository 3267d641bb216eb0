"""Tells those whose agreement a proposed policy waits for."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.channels import News
from accessrequests.domain.notices import policy_notice
from accessrequests.domain.wording import people_needed
from accessrequests.operations.outbox import Claim
from accessrequests.queries import drafts
from workers import telling
from workers.channels.email import Thread


def tell(claim: Claim) -> None:
    """Nobody, once it is decided or outdated; whoever wrote or proposed it does not count, and is not asked.

    :raises NotSent: when a mail could not be sent.
    """
    draft = drafts.drafts().get(pk=claim.subject_id)
    shown = drafts.shown(draft)
    if not shown.waits or draft.proposed_by is None:
        return
    notice = policy_notice(
        proposer=draft.proposed_by.name,
        policy=draft.name,
        changed=[change.name for change in shown.changes],
        needed=people_needed(drafts.asked_of(draft)),
        url=f"{settings.ACCESS_BASE_URL}/policies/drafts/{draft.pk}/",
    )
    thread = Thread(about=str(draft), notice=f"notice-{claim.message_id}")
    telling.tell(notice, to=drafts.asked_people(draft), thread=thread, news=News.ANSWERS)
