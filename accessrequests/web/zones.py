"""Shows moments in the time zone that the signed-in person chose."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accessrequests.models import Person


class OwnTimeZone:
    """Active for one request; templates do the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = _zone_of(request)
        if zone is None:
            return self._get_response(request)
        with timezone.override(zone):
            return self._get_response(request)


def _zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo | None:
    """Nothing is asked of the database where no session is."""
    if not request.session.session_key or not isinstance(request.user, Person) or request.user.time_zone == "UTC":
        return None
    try:
        return zoneinfo.ZoneInfo(request.user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None  # the machine's zones changed under us; UTC is always right
