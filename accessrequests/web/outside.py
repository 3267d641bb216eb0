"""What others have and do on a target: listed for those who watch over it, and looked at when they say so."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.outside import NAMES, Kind
from accessrequests.models import Look, Target
from accessrequests.operations import outside as operations
from accessrequests.operations.refusals import Refused
from accessrequests.queries import outside, targets
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25
_NOT_FOR_ALL = "Only administrators and auditors see what others have on a target. Ask one of them."


@portal_page("GET")
def others_page(request: HttpRequest, slug: str) -> HttpResponse:
    target = _watched(request, slug)
    page = Paginator(outside.others_of(slug).order_by("kind", "name"), PAGE).get_page(request.GET.get("page"))
    context = {
        "target": target,
        "page": page,
        "rows": [(other, NAMES[Kind(other.kind)]) for other in page],
        "keeps_logins": KINDS[target.kind].keeps_logins if target.kind in KINDS else False,
    }
    return show(request, "targets/others.html", context)


@portal_page("GET")
def changes_page(request: HttpRequest, slug: str) -> HttpResponse:
    target = _watched(request, slug)
    page = Paginator(outside.changes_of(slug).order_by("-at", "-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "target": target,
        "page": page,
        "rows": [(change, outside.told(change)) for change in page],
        "look": Look.objects.filter(target=target).first(),
        "tells_changes": KINDS[target.kind].tells_changes if target.kind in KINDS else False,
    }
    return show(request, "targets/changes.html", context)


@portal_page("POST")
def look_now(request: HttpRequest, slug: str) -> HttpResponse:
    get_object_or_404(targets.by_slug(), slug=slug)
    _, is_new = operations.look_now(slug=slug, person=me(request), via=Via.WEB)
    if is_new:
        messages.info(request, f"Workers look at {slug} now. What they find is here in a moment; load the page again.")
    else:
        messages.info(request, f"{slug} was looked at within the last minute. Load the page again, or wait a moment.")
    return SeeOther(reverse("target", args=[slug]))


def _watched(request: HttpRequest, slug: str) -> Target:
    """:raises Refused: for those who do not watch over it all."""
    if not belonging(request).sees_all:
        raise Refused(_NOT_FOR_ALL)
    return get_object_or_404(targets.by_slug(), slug=slug)
