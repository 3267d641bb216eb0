"""Reviews of access: which there are, one with what waits in it, answering, signing off, and copies for an auditor."""

from __future__ import annotations

import csv
import hashlib
import secrets
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Event, Via
from accessrequests.domain.wording import counted, moment
from accessrequests.models import ReviewCampaign, ReviewItem
from accessrequests.operations import access_reviews as operations
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotYours, Refused
from accessrequests.queries import access_reviews, clock, idempotency
from accessrequests.queries.asks import Invalid
from accessrequests.web import reviews_shown
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.review_forms import AnswerForm, CancelForm, SignOffForm, StartForm
from accessrequests.web.sheets import inert
from accessrequests.web.whoami import belonging

PAGE = 50
FILTERS = ("answer", "target", "group")
LONGEST_TYPED = 64
CANCEL_IDS = "cancel_%s"  # the page has another field for a reason
_SAID = {
    ReviewAnswer.KEEP: ("is kept as it is", "are kept as they are"),
    ReviewAnswer.END: ("is to end", "are to end"),
    ReviewAnswer.REDUCE: ("is to be reduced", "are to be reduced"),
}


@portal_page("GET")
def list_page(request: HttpRequest) -> HttpResponse:
    who, at = belonging(request), clock.now()
    page = Paginator(access_reviews.visible_to(who), 25).get_page(request.GET.get("page"))
    counted = access_reviews.progress_of([one.pk for one in page], access_reviews.items_for(who))
    rows = [
        (one, counted[one.pk], reviews_shown.standing_of(one, counted[one.pk], at=at), reviews_shown.scope_of(one))
        for one in page
    ]
    context = {"page": page, "rows": rows, "may_start": who.administers, "sees_all": who.sees_all}
    return show(request, "access_reviews/list.html", context)


@portal_page("GET", "POST")
def start(request: HttpRequest) -> HttpResponse:
    if not belonging(request).administers:
        raise Refused("Only administrators start an access review. Ask one of them.")
    if request.method != "POST":
        return _asked(request, StartForm(initial={"once": secrets.token_urlsafe(16)}))
    form = StartForm(request.POST)
    if not form.is_valid():
        return _asked(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        number = _started_once(request, form)
    except Invalid as error:
        form.blame(error)
        return _asked(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, "The review has begun. Those who review are told.")
    return SeeOther(reverse("access-review", args=[number]))


@portal_page("GET")
def campaign_page(request: HttpRequest, number: int) -> HttpResponse:
    return _shown(request, _visible(request, number))


@portal_page("POST")
def answer(request: HttpRequest, number: int) -> HttpResponse:
    campaign = _visible(request, number)
    posted = request.POST.copy()
    if posted.get("everything"):
        # What can only be kept is not meant by whoever ends or reduces everything.
        staying = posted.getlist("staying") if posted.get("answer") == ReviewAnswer.KEEP else []
        posted.setlist("items", [*posted.getlist("here"), *staying])
    form = AnswerForm(posted, answerable=_known(request, campaign, posted.getlist("items")))
    if form.is_valid():
        said = ReviewAnswer(form.cleaned_data["answer"])
        try:
            done = operations.answer(
                campaign_id=number,
                item_ids=form.cleaned_data["items"],
                reviewer=me(request),
                answer=said,
                reason=form.cleaned_data["reason"],
                via=Via.WEB,
            )
        except Invalid as error:
            form.blame(error)
        else:
            becomes = _SAID[said][len(done) > 1]
            messages.success(request, f"{counted(len(done), 'access', 'accesses')} {becomes}.")
            narrowing = _narrowing(request, posted)
            back = reverse("access-review", args=[number])
            return SeeOther(f"{back}?{urlencode(narrowing)}" if narrowing else back)
    return _shown(request, campaign, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("POST")
def sign_off(request: HttpRequest, number: int) -> HttpResponse:
    campaign = _visible(request, number)
    form = SignOffForm(request.POST)
    if form.is_valid():
        try:
            operations.sign_off(campaign_id=number, person=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        except IllegalMove as error:
            by = "you" if error.person == me(request).username else error.person
            messages.info(request, f"It is signed off already, by {by}, at {moment(error.at)}. Nothing was changed.")
            return SeeOther(reverse("access-review", args=[number]))
        else:
            messages.success(request, "You signed it off. It stays as it is from now on.")
            return SeeOther(reverse("access-review", args=[number]))
    return _shown(request, campaign, signing=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("POST")
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    campaign = _visible(request, number)
    if not belonging(request).administers:
        sentence = "Only administrators cancel an access review. Ask one of them."
        raise Refused(sentence, event=Event.ACCESS_REVIEW_REFUSED, subject=str(campaign))
    form = CancelForm(request.POST, auto_id=CANCEL_IDS)
    if form.is_valid():
        try:
            operations.cancel(campaign_id=number, person=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        else:
            messages.success(
                request, "The review is cancelled. Nobody is asked any more, and what was answered stands."
            )
            return SeeOther(reverse("access-review", args=[number]))
    return _shown(request, campaign, cancelling=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("GET")
def export(request: HttpRequest, number: int) -> HttpResponse:
    """All that one may see of it for a spreadsheet, in which no cell is a formula."""
    campaign = _visible(request, number)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="access-review-{number}.csv"'
    writer = csv.writer(answer)
    writer.writerow(reviews_shown.COLUMNS)
    for line in _all_lines(request, campaign):
        writer.writerow([inert(cell) for cell in reviews_shown.cells(campaign, line)])
    return answer


@portal_page("GET")
def sheet(request: HttpRequest, number: int) -> HttpResponse:
    """The whole on one page that a browser prints well, or keeps as a PDF."""
    campaign = _visible(request, number)
    context = {
        **_context(request, campaign),
        "lines": _all_lines(request, campaign),
        "printed_at": clock.now(),
        "is_whole": belonging(request).sees_all,
    }
    return show(request, "access_reviews/sheet.html", context)


def _asked(request: HttpRequest, form: StartForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    return show(request, "access_reviews/start.html", {"form": form}, status=status)


def _started_once(request: HttpRequest, form: StartForm) -> int:
    """The review that was started, now or by the first of two clicks."""
    person, once, asked = me(request), form.cleaned_data["once"], form.asked(clock.now())
    digest = hashlib.sha256(repr([asked[name] for name in ("name", *_LISTS)]).encode()).hexdigest()
    key = Idempotency(person_id=person.pk, key=f"review:{once}:{digest}", path=request.path, body_hash=digest)
    try:
        if once and (earlier := idempotency.first_use(person_id=person.pk, key=key.key)):
            return earlier.object_id
        return operations.start(person=person, via=Via.WEB, idempotency=key if once else None, **asked).pk
    except IntegrityError:
        earlier = idempotency.first_use(person_id=person.pk, key=key.key)
        if earlier is None:
            raise
        return earlier.object_id


_LISTS = ("environments", "targets", "reviewers")


def _visible(request: HttpRequest, number: int) -> ReviewCampaign:
    """:raises NotYours: when it is there, but not this person's to see."""
    found = access_reviews.visible_to(belonging(request)).filter(pk=number).first()
    if found is not None:
        return found
    there = get_object_or_404(ReviewCampaign, pk=number)
    if request.method == "POST":
        raise NotYours(there)
    raise Http404


def _items(request: HttpRequest, campaign: ReviewCampaign) -> QuerySet[ReviewItem]:
    return access_reviews.items_for(belonging(request)).filter(campaign=campaign)


def _known(request: HttpRequest, campaign: ReviewCampaign, numbers: list[str]) -> list[int]:
    """Those of them that are of this review, and theirs to see; the operation says what may be answered."""
    wanted = [int(one) for one in numbers[: PAGE * 2] if one.isascii() and one.isdecimal() and len(one) < len("9" * 19)]
    return list(_items(request, campaign).filter(pk__in=wanted).values_list("pk", flat=True))


def _all_lines(request: HttpRequest, campaign: ReviewCampaign) -> list[reviews_shown.Line]:
    items = _items(request, campaign).order_by("target__slug", "kind", "name", "pk")
    return reviews_shown.lines(campaign, items, belonging(request))


def _narrowing(request: HttpRequest, given: Any) -> dict[str, str]:
    said = {name: given.get(name if request.method == "GET" else f"only_{name}", "") for name in FILTERS}
    return {name: value.replace("\0", "")[:LONGEST_TYPED] for name, value in said.items() if value}


def _context(request: HttpRequest, campaign: ReviewCampaign) -> dict[str, Any]:
    progress = access_reviews.progress(_items(request, campaign))
    return {
        "campaign": campaign,
        "progress": progress,
        "parts": reviews_shown.parts(progress),
        "scope": reviews_shown.scope_of(campaign),
        "tag": reviews_shown.standing_of(campaign, progress, at=clock.now()),
    }


def _shown(
    request: HttpRequest,
    campaign: ReviewCampaign,
    *,
    form: AnswerForm | None = None,
    signing: SignOffForm | None = None,
    cancelling: CancelForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    who, items = belonging(request), _items(request, campaign)
    narrowing = _narrowing(request, request.POST if request.method == "POST" else request.GET)
    narrowed = access_reviews.narrowed(items, **narrowing).order_by("target__slug", "kind", "name", "pk")
    page = Paginator(narrowed, PAGE).get_page(request.GET.get("page"))
    lines = reviews_shown.lines(campaign, page, who)
    answerable = [line.item.pk for line in lines if line.is_mine_to_answer]
    found = _context(request, campaign)
    may_close = who.administers and not campaign.is_closed
    places, groups = access_reviews.places_and_groups(items)
    context = {
        **found,
        "lines": lines,
        "page": page,
        "query": f"{urlencode(narrowing)}&" if narrowing else "",
        "only": narrowing,
        "choices": {"target": places, "group": groups},
        "answerable": answerable,
        "form": form or AnswerForm(answerable=[]),
        "ticked": set(_known(request, campaign, request.POST.getlist("items"))),
        "signing": (signing or SignOffForm()) if may_close and not found["progress"].open else None,
        "cancelling": (cancelling or CancelForm(auto_id=CANCEL_IDS)) if may_close else None,
        "sees_all": who.sees_all,
    }
    return show(request, "access_reviews/one.html", context, status=status)
