"""Drafts of policies: written, looked at, tried on the requests of the past, proposed, agreed to and published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.publishing import DraftState
from accessrequests.models import PolicyDraft, PolicyVersion
from accessrequests.operations import policy_drafts
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, drafts, policy_text, simulation
from accessrequests.queries.people import actor_of
from accessrequests.queries.rules import rules_of
from accessrequests.web.fields import text_line
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

DAYS = (7, 30, 90)
LONGEST_WHY = 2_000
# Stands in the rendered page where what comes bit by bit is put; it can be in no text of anybody's.
_GAP = "[what comes bit by bit]"  # in words that need no escaping


class DocumentForm(forms.Form):
    """A policy as YAML."""

    document = forms.CharField(
        label="The document",
        max_length=policy_text.LARGEST,
        strip=False,
        widget=forms.Textarea(attrs={"class": "input as-typed", "rows": 24, "spellcheck": "false", "wrap": "off"}),
        help_text="YAML, as docs/policies.md tells. Nothing is published yet.",
        error_messages={"required": "Write the document."},
    )


class CommentForm(forms.Form):
    """What somebody says to a yes."""

    comment = forms.CharField(label="Comment", required=False, max_length=LONGEST_WHY, widget=text_line())


class WhyForm(forms.Form):
    """Why somebody says no."""

    why = forms.CharField(
        label="Why not",
        max_length=LONGEST_WHY,
        widget=text_line(),
        error_messages={"required": "Say why, so that the author knows."},
    )


@portal_page("GET", "POST")
def write(request: HttpRequest) -> HttpResponse:
    """Begins with the version in force. What is wrong is shown with its line, and nothing is lost."""
    if not belonging(request).administers:
        raise Refused("Only administrators write policies. Everybody may read and try them.")
    newest = PolicyVersion.objects.order_by("-version").first()
    form = DocumentForm(request.POST or None, initial={"document": newest.document if newest else ""})
    wrong: tuple[policy_text.Remark, ...] = ()
    if form.is_valid():
        text = form.cleaned_data["document"].replace("\r\n", "\n")
        checked = policy_text.check(text)
        wrong = checked.wrong
        if checked.rules is not None:
            actor = actor_of(me(request), Via.WEB)
            held = policy_drafts.draft(text=text, document=checked.document, actor=actor)
            return SeeOther(reverse("policy_draft", args=[held.pk]))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return show(request, "policies/write.html", {"form": form, "wrong": wrong, "current": newest}, status=status)


@portal_page("GET")
def draft_page(request: HttpRequest, number: int) -> HttpResponse:
    return _page(request, number)


@portal_page("POST")
def propose(request: HttpRequest, number: int) -> HttpResponse:
    return _done(request, number, policy_drafts.propose, "The draft is proposed. Others have to agree to it.")


@portal_page("POST")
def publish(request: HttpRequest, number: int) -> HttpResponse:
    return _done(request, number, policy_drafts.publish_draft, "The draft is published and in force.")


@portal_page("POST")
def agree(request: HttpRequest, number: int) -> HttpResponse:
    _draft(number)
    form = CommentForm(request.POST)
    comment = form.cleaned_data["comment"] if form.is_valid() else ""
    held = policy_drafts.approve(draft_id=number, approver=me(request), via=Via.WEB, comment=comment)
    done = "and it is published now" if held.state == DraftState.PUBLISHED else "and it waits for others"
    messages.success(request, f"You agreed to the draft, {done}.")
    return SeeOther(reverse("policy_draft", args=[number]))


@portal_page("POST")
def reject(request: HttpRequest, number: int) -> HttpResponse:
    _draft(number)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _page(request, number, why=form)
    policy_drafts.reject(draft_id=number, person=me(request), via=Via.WEB, why=form.cleaned_data["why"])
    messages.success(request, "The draft is rejected.")
    return SeeOther(reverse("policy_draft", args=[number]))


@portal_page("GET")
def simulate(request: HttpRequest, number: int) -> HttpResponse:
    """The replay, told bit by bit as it goes on. Whose requests they were is for those who may see everything."""
    held = _draft(number)
    if not (belonging(request).sees_all or drafts.may_agree(held, me(request))):
        raise Refused(
            "The replay shows other people's requests. It is for administrators, auditors and who must agree."
        )
    current = get_object_or_404(PolicyVersion.objects.order_by("-version")[:1])
    typed = request.GET.get("days", "")
    days = int(typed) if typed in map(str, DAYS) else DAYS[1]
    context = {"draft": held, "current": current, "days": days, "choices": DAYS, "gap": _GAP}
    page = render_to_string("policies/simulate.html", context, request)
    replay = simulation.simulate(
        in_force=rules_of(current),
        draft=rules_of(held),
        since=simulation.since_days(days, at=clock.now()),
    )
    told = _told(page, replay, shows_whose=belonging(request).sees_all)
    return cast("HttpResponse", StreamingHttpResponse(told))


def _told(page: str, replay: Iterator[simulation.Simulation], *, shows_whose: bool) -> Iterator[str]:
    before, _, after = page.partition(_GAP)
    yield before
    found = simulation.Simulation(total=0)
    for found in replay:
        yield render_to_string("policies/_so_far.html", {"found": found})
    yield render_to_string("policies/_found.html", {"found": found, "shows_whose": shows_whose})
    yield after


def _draft(number: int) -> PolicyDraft:
    return get_object_or_404(drafts.drafts(), pk=number)


def _page(request: HttpRequest, number: int, *, why: WhyForm | None = None) -> HttpResponse:
    held = _draft(number)
    shown = drafts.shown(held)
    administers = belonging(request).administers
    agrees = shown.waits and drafts.may_agree(held, me(request))
    context = {
        "shown": shown,
        "draft": held,
        "administers": administers,
        "agrees": agrees and all(one.person_id != me(request).pk for one in shown.agreed),
        "rejects": shown.is_open and (administers or agrees),
        "replays": shown.in_force is not None and (belonging(request).sees_all or agrees),
        "comment": CommentForm(auto_id="agree_%s"),
        "why": why or WhyForm(auto_id="reject_%s"),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if why is not None else HTTPStatus.OK
    return show(request, "policies/draft.html", context, status=status)


def _done(request: HttpRequest, number: int, verb: Callable[..., PolicyDraft], said: str) -> HttpResponse:
    _draft(number)
    verb(draft_id=number, person=me(request), via=Via.WEB)
    messages.success(request, said)
    return SeeOther(reverse("policy_draft", args=[number]))
