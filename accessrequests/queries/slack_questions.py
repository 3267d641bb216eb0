"""What is asked once more before a press in Slack does something: whose access it is, to what, and what would come of it."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.wording import moment, one_line
from accessrequests.models import AccessRequest
from accessrequests.queries.access_requests import title_of
from accessrequests.queries.at_stake import UNCLASSIFIED, Stakes

_LONGEST_TITLE = 140
_LONGEST_ROLES = 120


def named(access_request: AccessRequest) -> str:
    """The access of a request, for whoever is about to end or to extend it."""
    kind = "a break-glass of" if access_request.is_break_glass else "of"
    roles = one_line(", ".join(map(str, access_request.roles)), _LONGEST_ROLES)
    whose = one_line(access_request.beneficiary.name)
    return f"Request {access_request.pk}, {kind} {whose}: {roles} on {access_request.target.slug}."


def approving(access_request: AccessRequest, stakes: Stakes, *, at: datetime) -> str:
    """What a press on Approve gives, from when to when, and what of it is grave; there is room for little."""
    title = one_line(title_of(access_request), _LONGEST_TITLE)
    place = f"{access_request.target.slug}: {stakes.environment}, {_data(stakes)}."
    unusual = "Longer than usual." if stakes.unusual else ""
    title = title if title.endswith("…") else f"{title}."
    return " ".join(filter(None, (title, place, _when(access_request, at), unusual, _gained(stakes))))


def _data(stakes: Stakes) -> str:
    return f"data {stakes.data}" if stakes.data == UNCLASSIFIED else f"{stakes.data} data"


def _gained(stakes: Stakes) -> str:
    if not stakes.gained:
        return "Nothing new, but for the time."
    first, *others = stakes.gained
    return f"{first.rstrip('.')}{f', and {len(others)} more' if others else ''}."


def _when(access_request: AccessRequest, at: datetime) -> str:
    length = access_request.approved_duration or access_request.duration
    extended, starts_at = access_request.extends, access_request.starts_at
    if extended is not None and extended.expires_at is not None:
        later = moment(extended.expires_at + length)
        return f"The access that runs now would end at {later} instead of {moment(extended.expires_at)}."
    if starts_at is not None and starts_at > at:
        return f"The time begins at {moment(starts_at)}."
    return "The time begins once it is set up."
