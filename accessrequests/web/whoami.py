"""What the person's groups let them see, looked up once for a whole page."""

from __future__ import annotations

from django.http import HttpRequest

from accessrequests.queries.belonging import Belonging, belonging_of
from accessrequests.web.pages import me

_KEPT = "_belonging"
# Under this name a page that has counted what waits leaves the number for the navigation.
KNOWN_WAITING = "_waiting"


def belonging(request: HttpRequest) -> Belonging:
    """For reading only: an operation looks again, after its locks. Only behind `portal_page`."""
    kept = request.__dict__.get(_KEPT)
    if not isinstance(kept, Belonging):
        kept = request.__dict__[_KEPT] = belonging_of(me(request))
    return kept
