"""Slack for administrators: does it work, who is linked, who is asked where, and what Slack has to be told of the app."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.models import SlackMessage
from accessrequests.models.people import GroupRole
from accessrequests.models.slack import SlackState
from accessrequests.operations import slack_messages
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, slack_places, slack_setup
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.shown import Tag
from accessrequests.web.whoami import belonging

PAGE = 25
_TAGS = {
    SlackState.WANTED.value: Tag("on its way", "warn"),
    SlackState.POSTED.value: Tag("arrived", "ok"),
    SlackState.DEAD.value: Tag("refused", "bad"),
}


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    if GroupRole.ADMINISTRATOR not in belonging(request).roles:
        raise Refused("Only administrators see how Slack is set up. Ask one of them.")
    at = clock.now()
    traffic, called = slack_setup.traffic(at), slack_setup.names()
    context = {
        "is_on": settings.ACCESS_SLACK,
        "team": settings.ACCESS_SLACK_TEAM_ID,
        "events_url": f"{settings.ACCESS_BASE_URL}/slack/events",
        "is_here_alone": settings.ACCESS_SLACK_MODE != slack_places.SOCKET
        and _is_here_alone(urlsplit(settings.ACCESS_BASE_URL).hostname or ""),
        "manifest": slack_setup.manifest(),
        "troubles": slack_places.troubles(at),
        "traffic": traffic,
        "paused": slack_setup.paused(at) if traffic.waiting else [],
        "routes": slack_setup.routes(called),
        "channels": [(one, _tag_of(one.test)) for one in slack_setup.channels(called)],
        "page": Paginator(slack_setup.linked(), PAGE).get_page(request.GET.get("page")),
    }
    return show(request, "settings/slack.html", context)


@portal_page("POST")
def send_test(request: HttpRequest) -> HttpResponse:
    channel = request.POST.get("channel", "")[:32]
    slack_messages.test(channel=channel, by=me(request), via=Via.WEB)
    messages.success(request, f"A test message is on its way to {channel}. Look again in a moment.")
    return SeeOther(f"{reverse('slack-setup')}#channels")


def _is_here_alone(host: str) -> bool:
    """Whether an address leads nobody but this machine to us (RFC 6761, section 6.3; RFC 1122, section 3.2.1.3)."""
    return host == "::1" or host.startswith("127.") or f".{host}".endswith(".localhost")


def _tag_of(test: SlackMessage | None) -> Tag:
    return _TAGS[test.state] if test is not None else Tag("not tested")
