"""Offline kits: how each stands, and one page of each use with its review."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.reviews import Finding
from accessrequests.domain.sentences import FINDINGS
from accessrequests.models import KitUse, OfflineKit
from accessrequests.operations import offline_kits
from accessrequests.queries import clock
from accessrequests.queries import offline_kits as queries
from accessrequests.queries.asks import Invalid
from accessrequests.web import shown
from accessrequests.web.break_glass_forms import ReviewForm
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25
_TAGS = {
    KitState.MAKING: shown.Tag("not finished", "bad"),
    KitState.STANDING: shown.Tag("stands", "ok"),
    KitState.SPENT: shown.Tag("spent", "bad"),
    KitState.ENDED: shown.Tag("ended", ""),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One kit. `concern` is why nobody should rely on it."""

    kit: OfflineKit
    tag: shown.Tag
    age: str
    concern: str


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    """Only the kits that one hears of; and their uses, those that nobody has reviewed first."""
    who, at = belonging(request), clock.now()
    seen = [kit for kit in queries.everything() if queries.may_see(who, kit)]
    uses = queries.uses().filter(kit__in=seen)
    context = {
        "rows": [row_of(kit, at=at) for kit in seen],
        "lacking": queries.lacking() if who.sees_all else [],
        "kit_uses": [queries.Standing(one.kit, one.pk, one.began_at) for one in uses.filter(reviewed_at=None)[:PAGE]],
        "page": Paginator(uses.exclude(reviewed_at=None), PAGE).get_page(request.GET.get("page")),
        "findings": FINDINGS,
    }
    return show(request, "break_glass/kits.html", context)


@portal_page("GET")
def use(request: HttpRequest, number: int) -> HttpResponse:
    return _one(request, _visible(request, number), ReviewForm())


@portal_page("POST")
def review(request: HttpRequest, number: int) -> HttpResponse:
    found = _visible(request, number)
    form = ReviewForm(request.POST)
    if form.is_valid():
        finding, note = Finding(form.cleaned_data["finding"]), form.cleaned_data["note"]
        try:
            offline_kits.review(use_id=number, reviewer=me(request), via=Via.WEB, finding=finding, note=note)
        except Invalid as error:
            form.add_error("note", str(error))
        else:
            messages.success(request, "Your review is kept, and everybody who was told of the use is told of it.")
            return SeeOther(reverse("kit-use", args=[number]))
    return _one(request, found, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def row_of(kit: OfflineKit, *, at: datetime) -> Row:
    age = shown.time_words(at - kit.made_at) if kit.made_at else ""
    return Row(kit, _TAGS[KitState(kit.state)], age, queries.concern(kit, at=at))


def _visible(request: HttpRequest, number: int) -> KitUse:
    """:raises Http404: when it is not there, or not theirs to see."""
    found = queries.uses().filter(pk=number).first()
    if found is None:
        raise Http404
    who = belonging(request)
    if not queries.may_see(who, found.kit) and who.person.username not in found.holders:
        raise Http404
    return found


def _one(request: HttpRequest, found: KitUse, form: ReviewForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    context = {
        "use": found,
        "kit": row_of(found.kit, at=clock.now()),
        "form": form,
        "may_review": found.reviewed_at is None and queries.may_review(belonging(request), found),
        "finding": FINDINGS.get(found.finding, ""),
        "reviewers": " or ".join([*found.review_groups, "the administrators"]),
    }
    return show(request, "break_glass/kit_use.html", context, status=status)
