"""Talking about a request: until when, in what words, and what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.models import AccessRequest, AuditEvent, Grant, Person

LONGEST = 2_000
_SPEAKING = (
    Event.ACCESS_REQUEST_APPROVAL_GIVEN.value,
    Event.ACCESS_REQUEST_DENIED.value,
    Event.ACCESS_REQUEST_COMMENTED.value,
)


@dataclass(frozen=True, slots=True)
class Over:
    """Why nobody writes any more, and who ended it when."""

    sentence: str
    person: str
    what: str
    at: datetime


def over(access_request: AccessRequest) -> Over | None:
    """What ended the talk: an answer that gave no access, or the end of the access."""
    state = AccessRequestState(access_request.state)
    grant: Grant | None = getattr(access_request, "grant", None)
    if grant is not None and grant.state == GrantState.REVOKED:
        sentence = "The access has ended, so nobody reads on here. Ask again if it is still needed."
        return Over(sentence, grant.ended_by, grant.state, grant.revoked_at or grant.created_at)
    if state in {AccessRequestState.PENDING, AccessRequestState.APPROVED}:
        return None
    ended = "has lapsed" if state is AccessRequestState.EXPIRED else f"is {state.value}"
    sentence = f"The request {ended}, so nobody reads on here. Ask again if it is still needed."
    return Over(sentence, access_request.decided_by, state.value, access_request.decided_at or access_request.filed_at)


def why_not_written(text: str) -> str:
    """A sentence, when the text is no comment; else nothing."""
    if not visible_length(text):
        return "Write something, or leave it."
    if len(text) > LONGEST:
        return f"Keep the comment within {LONGEST} characters."
    return why_unreadable(text)


def speakers(access_request: AccessRequest) -> set[Person]:
    """The people who have answered or written something, and may still sign in."""
    said = AuditEvent.objects.filter(subject=str(access_request), event__in=_SPEAKING)
    return set(Person.objects.filter(username__in=said.values("actor"), is_active=True))
