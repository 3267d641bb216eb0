"""What is asked once more before a press in Slack does something: whose access it is, to what, and what would come of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accessrequests.domain.block_kit import LONGEST_CONFIRMED, to_the_minute
from accessrequests.domain.wording import moment, one_line
from accessrequests.models import AccessRequest
from accessrequests.queries.access_requests import title_of
from accessrequests.queries.at_stake import UNCLASSIFIED, Stakes

_LONGEST_TITLE = 140
_SHORTEST_TITLE = 40
_LONGEST_PLACE = 100
_LONGEST_ROLES = 120
_LONGEST_GAINED = 100


def named(access_request: AccessRequest) -> str:
    """The access of a request, for whoever is about to end or to extend it."""
    kind = "a break-glass of" if access_request.is_break_glass else "of"
    roles = one_line(", ".join(map(str, access_request.roles)), _LONGEST_ROLES)
    whose = one_line(access_request.beneficiary.name)
    return f"Request {access_request.pk}, {kind} {whose}: {roles} on {access_request.target.slug}."


def approving(access_request: AccessRequest, stakes: Stakes, *, at: datetime) -> str:
    """What a press on Approve gives, from when to when, and what of it tells most, as far as there is room."""
    place = f"{one_line(f'{access_request.target.slug}: {stakes.environment}, {_data(stakes)}', _LONGEST_PLACE)}."
    unusual = "Longer than usual." if stakes.unusual else ""
    facts = " ".join(filter(None, (place, _when(access_request, at), unusual)))
    least = _gained(stakes.telling, _LONGEST_GAINED)
    room = LONGEST_CONFIRMED - len(facts) - len(least) - len("..  ")
    title = one_line(title_of(access_request), min(_LONGEST_TITLE, max(room, _SHORTEST_TITLE)))
    title = title if title.endswith("…") else f"{title}."
    left = LONGEST_CONFIRMED - len(f"{title} {facts} ")
    return f"{title} {facts} {_gained(stakes.telling, left)}"


def _data(stakes: Stakes) -> str:
    return f"data {stakes.data}" if stakes.data == UNCLASSIFIED else f"{stakes.data} data"


def _gained(telling: Sequence[str], room: int) -> str:
    """As many of them as there is room for, the first in any case, and how many are left out."""
    if not telling:
        return "Nothing new, but for the time."
    for number in range(len(telling), 0, -1):
        more = f" And {len(telling) - number} more." if number < len(telling) else ""
        said = f"{' '.join(telling[:number])}{more}"
        if len(said) <= room:
            return said
    more = f" And {len(telling) - 1} more." if len(telling) > 1 else ""
    return f"{one_line(telling[0], max(room - len(more), 1))}{more}"


def _when(access_request: AccessRequest, at: datetime) -> str:
    length = access_request.approved_duration or access_request.duration
    extended, starts_at = access_request.extends, access_request.starts_at
    if extended is not None and extended.expires_at is not None:
        later = _moment(extended.expires_at + length)
        return f"The access that runs now would end at {later} instead of {_moment(extended.expires_at)}."
    if starts_at is not None and starts_at > at:
        return f"The time begins at {_moment(starts_at)}."
    return "The time begins once it is set up."


def _moment(at: datetime) -> str:
    return to_the_minute(moment(at))
