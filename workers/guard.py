"""Before the relay acts: is this the database that it worked with, with all that was anchored outside?"""

from __future__ import annotations

import structlog
from django.conf import settings

from accessrequests.operations import quarantine as operations
from accessrequests.queries import quarantine

log = structlog.get_logger(__name__)


def look() -> str:
    """Why nothing may be done; empty: all is well."""
    why = operations.look(anchored=quarantine.newest_anchor(settings.ACCESS_ANCHOR_FILE))
    if why:
        log.error("database_quarantined", why=why)
    return why
