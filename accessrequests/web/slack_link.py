"""Linking an account of Slack: both names are shown, and only a button links them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.operations import slack_identities
from accessrequests.web import accounts
from accessrequests.web.pages import SeeOther, ask_again, me, portal_page, show


@portal_page("GET", "POST")
def link(request: HttpRequest) -> HttpResponse:
    """To look at it links nothing. The address in it is signed, and good once and for ten minutes.

    The link goes on after the session, so a session that somebody else sits at must not be enough to make one.
    """
    address = request.POST.get("t", "") if request.method == "POST" else request.GET.get("t", "")
    if request.method == "POST":
        if not accounts.signed_in_recently(request):
            return ask_again(request, back=f"{reverse('slack-link')}?{urlencode({'t': address})}")
        slack_identities.link(person=me(request), address=address)
        messages.success(request, "Linked, and you are told so by mail. Go back to Slack and press the button again.")
        return SeeOther(reverse("account"))
    account = slack_identities.account_of(address=address)
    return show(request, "account/slack_link.html", {"account": account, "address": address, "person": me(request)})


@portal_page("POST")
def unlink(request: HttpRequest, number: int) -> HttpResponse:
    held = slack_identities.unlink(identity_id=number, by=me(request))
    messages.success(request, "Unlinked. What is pressed in Slack by that account counts for nobody now.")
    return SeeOther(reverse("account") if held.person_id == me(request).pk else reverse("people"))
