"""One answer to several requests that were asked together."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.operations import bundles
from accessrequests.operations.refusals import NeedsSecondFactor
from accessrequests.queries.asks import Invalid
from accessrequests.web import accounts, requests
from accessrequests.web.approvals import code_first
from accessrequests.web.pages import SeeOther, me, portal_page

MOST_DIGITS = 18


@portal_page("POST")
def approve(request: HttpRequest, number: int) -> HttpResponse:
    revisions = _revisions(request, number)
    try:
        done = bundles.approve(
            bundle=number,
            approver=me(request),
            via=Via.WEB,
            revisions=revisions,
            proof=accounts.second_factor_of(request),
        )
    except NeedsSecondFactor:
        return code_first(request, back=reverse("approval", args=[next(iter(revisions))]))
    messages.success(request, f"You approved {len(done)} requests.")
    return SeeOther(reverse("approval", args=[done[0].pk]))


@portal_page("POST")
def deny(request: HttpRequest, number: int) -> HttpResponse:
    revisions, reason = _revisions(request, number), request.POST.get("reason", "")
    try:
        done = bundles.deny(bundle=number, approver=me(request), via=Via.WEB, revisions=revisions, reason=reason)
    except Invalid as error:
        messages.error(request, f"{error} None of them was decided.")
        return SeeOther(reverse("approval", args=[next(iter(revisions))]))
    messages.success(request, f"You denied {len(done)} requests. The requester is told why.")
    return SeeOther(reverse("approval", args=[done[0].pk]))


def _revisions(request: HttpRequest, bundle: int) -> dict[int, int]:
    """The requests that the page named, each in the revision that it showed, as in `7.1`.

    :raises Http404: when one is no such name, not there, or not of this bundle.
    :raises NotYours: when one is not theirs to see.
    """
    found = {}
    for name in request.POST.getlist("request")[: bundles.MOST]:
        number, _, revision = name.partition(".")
        if not (number.isdecimal() and revision.isdecimal() and max(len(number), len(revision)) <= MOST_DIGITS):
            raise Http404
        access_request = requests.visible(request, int(number))
        if access_request.bundle != bundle:
            raise Http404
        found[access_request.pk] = int(revision)
    if not found:
        raise Http404
    return found
