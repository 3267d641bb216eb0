"""Linking an account of Slack: both names are shown, and only a button links them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.operations import slack_identities
from accessrequests.web.pages import SeeOther, me, portal_page, show


@portal_page("GET", "POST")
def link(request: HttpRequest) -> HttpResponse:
    """To look at it links nothing. The address in it is signed, and good once and for ten minutes."""
    address = request.POST.get("t", "") if request.method == "POST" else request.GET.get("t", "")
    if request.method == "POST":
        slack_identities.link(person=me(request), address=address)
        messages.success(request, "Linked. Go back to Slack and press the button again.")
        return SeeOther(reverse("account"))
    account = slack_identities.account_of(address=address)
    return show(request, "account/slack_link.html", {"account": account, "address": address, "person": me(request)})


@portal_page("POST")
def unlink(request: HttpRequest, number: int) -> HttpResponse:
    held = slack_identities.unlink(identity_id=number, by=me(request))
    messages.success(request, "Unlinked. What is pressed in Slack by that account counts for nobody now.")
    return SeeOther(reverse("account") if held.person_id == me(request).pk else reverse("people"))
