"""Who there is, for administrators: groups since when, live access, last sign-in. Nobody is changed here."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from accessrequests.models.people import GroupRole
from accessrequests.operations.refusals import Refused
from accessrequests.queries import people
from accessrequests.web.pages import portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25
LONGEST_TYPED = 200


@portal_page("GET")
def people_page(request: HttpRequest) -> HttpResponse:
    if GroupRole.ADMINISTRATOR not in belonging(request).roles:
        raise Refused("Only administrators see the list of people. Ask one of them.")
    text = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_TYPED]
    page = Paginator(people.listed(text), PAGE).get_page(request.GET.get("page"))
    return show(request, "people/people.html", {"page": page, "text": text})
