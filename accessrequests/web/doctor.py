"""Why can't I connect? Asked on the page of an access, and answered there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.kinds import KINDS
from accessrequests.operations import diagnoses
from accessrequests.web.access import at_hand, visible
from accessrequests.web.ask_scope import observed_address
from accessrequests.web.doctor_shown import doctor_shown
from accessrequests.web.pages import STOP_POLLING, SeeOther, me, portal_page, show


@portal_page("GET", "POST")
def diagnose(request: HttpRequest, number: int) -> HttpResponse:
    """A POST asks. A GET is the part of the page that waits for the answer, or leads to the page."""
    if request.method == "POST":
        looked_at = KINDS[visible(request, number).target.kind]
        diagnoses.ask(grant_id=number, person=me(request), via=Via.WEB, address=observed_address(request))
        messages.info(request, f"A worker looks at every gate now. That usually takes {looked_at.usually_takes}.")
        return SeeOther(reverse("grant", args=[number]) + "#doctor")
    grant = at_hand(request, number)
    if request.headers.get("HX-Request") != "true":
        return SeeOther(reverse("grant", args=[number]) + "#doctor")
    doctor = doctor_shown(grant)
    answer = show(request, "access/_findings.html", {"doctor": doctor, "grant": grant})
    if not doctor.is_looking:
        answer.status_code = STOP_POLLING
    return answer
