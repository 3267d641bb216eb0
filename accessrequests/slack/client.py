"""The one call that the web makes to Slack, within two seconds: to open a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

SECONDS = 2

log = structlog.get_logger(__name__)


def open_view(*, trigger_id: str, view: Mapping[str, Any]) -> bool:
    """Whether Slack opened it. Whoever pressed sees nothing otherwise, so they are told."""
    try:
        _client().views_open(trigger_id=trigger_id, view=dict(view))
    except (SlackClientError, OSError) as error:
        log.warning("view_not_opened", error=type(error).__name__)
        return False
    return True


def _client() -> WebClient:
    return WebClient(
        token=settings.ACCESS_SLACK_BOT_TOKEN,
        base_url=settings.ACCESS_SLACK_API_URL,
        timeout=SECONDS,
        retry_handlers=[],
    )
