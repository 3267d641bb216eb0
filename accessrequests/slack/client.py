"""The two calls that the web makes to Slack, within two seconds: to open a form, and to ask who it is that may be linked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from accessrequests.domain import slack_links

SECONDS = 2

log = structlog.get_logger(__name__)


_NOT_SAID = "Slack did not say whose account this is, so it cannot be linked now, and nothing was changed. Try again."


def why_not_link(slack_user_id: str) -> str:
    """Why this account gets no way to link itself to somebody; empty for a member of the workspace."""
    try:
        user: Any = _client().users_info(user=slack_user_id)["user"]
    except (SlackClientError, OSError) as error:
        log.warning("account_not_told", error=type(error).__name__)
        return _NOT_SAID
    return "" if slack_links.is_member(user) else slack_links.NO_MEMBER


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
