"""What becomes of a break-glass on its way: begun, used, ended. Inside the operation that holds its request or its grant."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain import reviews
from accessrequests.domain.events import Event
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.models import AccessRequest, BreakGlass, Grant
from accessrequests.operations._record import Fact
from accessrequests.queries.ask_fields import REASON_MAXIMUM
from accessrequests.queries.asks import Invalid


def begin(access_request: AccessRequest, at: datetime) -> datetime:
    """The grant is born; until when somebody else has to look at what was done."""
    broken = access_request.break_glass
    broken.began_at, broken.review_due_at = at, reviews.review_due_at(at, broken.review_within)
    broken.save(update_fields=["began_at", "review_due_at"])
    return broken.review_due_at


def used(grant: Grant, at: datetime, *, how: str) -> list[Fact]:
    """The first sign that it is used; nothing where it is not a break-glass, or was used before."""
    if not grant.access_request.is_break_glass or not _first(grant, "used_at", at):
        return []
    return [Fact(Event.BREAKGLASS_USED, str(grant.access_request), {"how": how})]


def ended(grant: Grant, at: datetime) -> list[Fact]:
    """The target has confirmed that nobody gets in any more."""
    if not grant.access_request.is_break_glass or not _first(grant, "ended_at", at):
        return []
    facts = {"reason": grant.end_reason, "by": grant.ended_by, "grant": grant.pk}
    return [Fact(Event.BREAKGLASS_ENDED, str(grant.access_request), facts)]


def check_note(note: str) -> None:
    """:raises Invalid: when there is nothing to read in what a reviewer says, or it cannot be kept."""
    if not visible_length(note):
        raise Invalid({"note": ["Say what was done and how you know it."]})
    if len(note) > REASON_MAXIMUM:
        raise Invalid({"note": [f"Keep it within {REASON_MAXIMUM} characters."]})
    unreadable = why_unreadable(note)
    if unreadable:
        raise Invalid({"note": [unreadable]})


def _first(grant: Grant, column: str, at: datetime) -> bool:
    found = BreakGlass.objects.filter(access_request=grant.access_request_id, **{column: None})
    return bool(found.update(**{column: at}))
