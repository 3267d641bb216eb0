"""One's own templates: kept from the page of a request, and removed where one asks."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.models import SavedAsk
from accessrequests.operations import saved_asks
from accessrequests.queries.asks import Invalid
from accessrequests.web import requests
from accessrequests.web.pages import SeeOther, me, portal_page


@portal_page("POST")
def save(request: HttpRequest, number: int) -> HttpResponse:
    requests.visible(request, number)
    name = request.POST.get("name", "")
    try:
        saved = saved_asks.save(access_request_id=number, person=me(request), name=name)
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"It is kept as {saved.name}, among your templates on the page Request access.")
    return SeeOther(reverse("request", args=[number]))


@portal_page("POST")
def forget(request: HttpRequest, number: int) -> HttpResponse:
    try:
        saved_asks.forget(saved_id=number, person=me(request))
    except SavedAsk.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, "The template is removed. The request that it was made from stays.")
    return SeeOther(reverse("ask"))
