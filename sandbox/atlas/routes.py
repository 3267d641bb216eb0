"""One operation: method, path, versions, the roles one of which is needed, and the function that answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

from sandbox.atlas.wire import AtlasError, Function, decoded

# Project roles. Atlas's documents name the last three in words only; their strings follow the pattern of the others.
OWNER = "GROUP_OWNER"
READ_ONLY = "GROUP_READ_ONLY"
DATABASE_ACCESS = "GROUP_DATABASE_ACCESS_ADMIN"
LOG_VIEWER = "GROUP_CLUSTER_LOG_VIEWER"
NETWORK_ACCESS = "GROUP_NETWORK_ACCESS_MANAGER"
ACCESS_MANAGER = "GROUP_ACCESS_MANAGER"
# Organisation roles.
ORG_OWNER = "ORG_OWNER"
ORG_READ_ONLY = "ORG_READ_ONLY"
ORG_MEMBER = "ORG_MEMBER"

_VERSIONED = re.compile(r"application/vnd\.atlas\.(\d{4}-\d{2}-\d{2})\+json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `template` is what follows /api/atlas/v2, such as /groups/{groupId}/accessList/{entryValue}.

    A part of a segment may be literal, as in {userId}:addRole. `version` is the newest; a call that asks for an older
    one of `older` finds it in `request.version`. `roles`: any one of them is enough, and owners need none of them;
    no roles: whoever signed in.
    """

    method: str
    template: str
    version: str
    roles: tuple[str, ...]
    function: Function
    older: tuple[str, ...] = ()

    def versions(self) -> tuple[str, ...]:
        """Oldest first."""
        return (*sorted(self.older), self.version)

    def agreed_version(self, accept: str) -> str:
        """The newest version that is not after the date in the Accept header.

        :raises AtlasError: there is no such date, or it is before the first version.
        """
        asked = [
            found[1] for each in accept.split(",") if (found := _VERSIONED.fullmatch(each.partition(";")[0].strip()))
        ]
        known = [version for version in self.versions() if asked and _is_date(asked[0]) and version <= asked[0]]
        if not known:
            raise AtlasError("INVALID_VERSION_DATE")
        return known[-1]

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """What the braces stand for in these decoded segments, or None: it is another path."""
        patterns = _patterns(self.template)
        if len(patterns) != len(segments):
            return None
        found: dict[str, str] = {}
        for pattern, segment in zip(patterns, segments, strict=True):
            matched = pattern.fullmatch(segment)
            if matched is None:
                return None
            found.update(matched.groupdict())
        return found


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def _patterns(template: str) -> tuple[re.Pattern[str], ...]:
    def pattern(segment: str) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", segment)
        return re.compile(
            "".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)), re.DOTALL
        )

    return tuple(pattern(segment) for segment in decoded(template) if segment)
