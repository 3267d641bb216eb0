"""The holder of a live access asks for more time."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.models import Grant, Person
from accessrequests.operations import extensions
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock
from accessrequests.queries import extensions as extension_queries
from accessrequests.queries.asks import Invalid
from accessrequests.web import access
from accessrequests.web.forms import ExtendForm
from accessrequests.web.pages import SeeOther, me, portal_page

ASKED = "You asked for more time. This page says when it counts; until then the end is as it was."


@portal_page("POST")
def extend(request: HttpRequest, number: int) -> HttpResponse:
    access.visible(request, number)
    grant, holder = access.at_hand(request, number), me(request)
    form = ExtendForm(request.POST, longest=extension_queries.longer(grant, at=clock.now()).longest)
    if not form.is_valid() and holder.stands_for(grant.holder):
        return access.page(request, grant, extend_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if _is_asked(grant, holder, form):
        messages.info(request, ASKED)
        return SeeOther(f"{reverse('grant', args=[number])}#extend")
    return access.page(request, grant, extend_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _is_asked(grant: Grant, holder: Person, form: ExtendForm) -> bool:
    """What a rule has against it is said in the form."""
    said = form.cleaned_data
    length, reason = said.get("duration", timedelta()), said.get("reason", "")
    try:
        extensions.ask(grant_id=grant.pk, holder=holder, via=Via.WEB, duration=length, reason=reason)
    except Invalid as error:
        form.blame(error)
    except Refused as refused:
        if not refused.rule:
            raise
        form.add_error(None, str(refused))
    return form.is_valid()
