"""By which channels one is told of what, on a page of one's own account."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.channels import ALWAYS, EVERYTHING, NEWS, Channel, is_on
from accessrequests.operations import choices
from accessrequests.queries.asks import Invalid
from accessrequests.web.pages import SeeOther, me, portal_page, show

_NAMES: Mapping[Channel, str] = {Channel.MAIL: "Mail", Channel.SLACK: "Slack"}


@portal_page("GET", "POST")
def channels(request: HttpRequest) -> HttpResponse:
    """What is not ticked is off."""
    if request.method != "POST":
        return _page(request, off=me(request).not_told_by)
    ticked = set(request.POST.getlist("told"))
    off = sorted((EVERYTHING - ticked) | (ticked - EVERYTHING))
    try:
        choices.choose_channels(person=me(request), off=off)
    except Invalid as error:
        return _page(request, off=off, errors=error.errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, "You are told so from now on.")
    return SeeOther(reverse("channels"))


def _page(
    request: HttpRequest,
    *,
    off: Collection[str],
    errors: Mapping[str, Sequence[str]] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    wrong = errors or {}
    lines = [
        {
            "news": news.value,
            "title": title,
            "hint": hint,
            "boxes": [
                {
                    "value": f"{news.value}/{one.value}",
                    "name": _NAMES[one],
                    "on": is_on(news, one, off=off),
                    "always": f"{news.value}/{one.value}" in ALWAYS,
                }
                for one in Channel
            ],
            "errors": wrong.get(news.value, ()),
        }
        for news, (title, hint) in NEWS.items()
    ]
    context = {
        "lines": lines,
        "errors": [sentence for sentences in wrong.values() for sentence in sentences],
        "has_slack": settings.ACCESS_SLACK,
        "is_linked": me(request).slack_identities.exists(),
    }
    return show(request, "account/channels.html", context, status=status)
