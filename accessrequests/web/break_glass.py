"""Breaking the glass: one page to do it, one page of each use with its end and its review."""

from __future__ import annotations

import hashlib
import secrets
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.proofs import Proof
from accessrequests.domain.reviews import Finding
from accessrequests.models import BreakGlass, PolicyVersion
from accessrequests.operations import break_glass, grants, second_factors
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import NotYours, Refused
from accessrequests.queries import break_glass as rules
from accessrequests.queries import broken, clock, idempotency
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.broken import Pane
from accessrequests.web import accounts, break_glass_shown, errors
from accessrequests.web.ask_scope import clusters_of, needs_address, observed_address
from accessrequests.web.break_glass_forms import BreakForm, ReviewForm, usual_length
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

ONE_PRESS = "Ended with one press by somebody who was told."


@portal_page("GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    """The form for one target, and what there is beside it: what lives, what waits for a review, how often."""
    version = PolicyVersion.objects.order_by("-version").first()
    found = broken.panes(version, belonging(request))
    wanted = request.POST.get("target") or request.GET.get("target", "")
    pane = next((one for one in found if one.target.slug == wanted), None)
    if pane is None and not wanted and len(found) == 1:
        pane = found[0]
    if request.method == "POST":
        if pane is None:
            raise Refused(f"The policy names no break-glass on {wanted[:64]} for you. Ask for access in the usual way.")
        return _break(request, found, pane)
    form = _form(request, pane, initial=_initial(request, pane)) if pane is not None else None
    return _shown(request, found, pane, form)


@portal_page("GET")
def detail(request: HttpRequest, number: int) -> HttpResponse:
    return _one(request, visible(request, number), ReviewForm())


@portal_page("POST")
def end(request: HttpRequest, number: int) -> HttpResponse:
    """One press, for everybody who was told, and for whoever did it."""
    found = visible(request, number)
    grant = getattr(found.access_request, "grant", None)
    if grant is None:
        raise Http404
    if grant.holder_id == me(request).pk:
        grants.release(grant_id=grant.pk, holder=me(request), via=Via.WEB)
    else:
        reason = request.POST.get("reason", "").strip() or ONE_PRESS
        grants.revoke(grant_id=grant.pk, person=me(request), via=Via.WEB, reason=reason[:2000])
    messages.info(request, "It is being ended. This page says when the target confirms that it is gone.")
    return SeeOther(reverse("break-glass-one", args=[number]))


@portal_page("POST")
def review(request: HttpRequest, number: int) -> HttpResponse:
    found = visible(request, number)
    form = ReviewForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            break_glass.review(
                access_request_id=number,
                reviewer=me(request),
                via=Via.WEB,
                finding=Finding(said["finding"]),
                note=said["note"],
            )
        except Invalid as error:
            form.add_error("note", str(error))
        else:
            messages.success(request, "Your review is kept, and everybody who was told of the use is told of it.")
            return SeeOther(reverse("break-glass-one", args=[number]))
    return _one(request, found, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def visible(request: HttpRequest, number: int) -> BreakGlass:
    """:raises NotYours: when it is not theirs to see. Whoever tries to act on it all the same is recorded."""
    found = broken.of_request(number)
    if found is None:
        raise Http404
    if not belonging(request).sees(found.access_request):
        raise NotYours(found.access_request)
    return found


def _break(request: HttpRequest, found: list[Pane], pane: Pane) -> HttpResponse:
    """Everything that can be wrong is said before the code is used up."""
    form = _form(request, pane, data=request.POST)
    if not form.is_valid():
        return _shown(request, found, pane, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    key = _key(request)
    earlier = idempotency.first_use(person_id=key.person_id, key=key.key)
    if earlier is not None:
        return SeeOther(reverse("break-glass-one", args=[earlier.object_id]))
    try:
        return _broken(request, form, key)
    except Invalid as error:
        form.blame(error)
        return _shown(request, found, pane, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotReadYet as error:
        form.add_error(None, str(error))
        return _shown(request, found, pane, form, status=HTTPStatus.CONFLICT)
    except Refused as error:
        errors.keep(request, error)
        form.add_error(None, f"{error} Nothing was given.")
        return _shown(request, found, pane, form, status=HTTPStatus.FORBIDDEN)


def _broken(request: HttpRequest, form: BreakForm, key: Idempotency) -> HttpResponse:
    person, asked, said = me(request), form.asked(), form.cleaned_data
    if said["confirm_target"] == asked.target:
        considered = rules.consider(person=person, asked=asked, incident=said["incident"], at=clock.now()).considered
        if not considered.verdict.allowed:
            first = considered.verdict.refusals[0]
            raise Refused(first.sentence, rule=first.rule)
        proof = _proof(request, said["second_factor"])
    else:
        proof = Proof(person.pk, "", clock.now())  # refused before anybody looks at it
    try:
        filed = break_glass.request(
            person=person,
            asked=asked,
            incident=said["incident"],
            confirm_target=said["confirm_target"],
            proof=proof,
            via=Via.WEB,
            is_drill=said["is_drill"],
            idempotency=key,
        ).pk
    except IntegrityError:
        earlier = idempotency.first_use(person_id=key.person_id, key=key.key)
        if earlier is None:
            raise
        filed = earlier.object_id
    return SeeOther(reverse("break-glass-one", args=[filed]))


def _proof(request: HttpRequest, code: str) -> Proof:
    """A code that is typed counts; without one, the session may know of one that was typed just now."""
    known = accounts.second_factor_of(request)
    if not code and known is not None:
        return known
    target = request.POST.get("target", "")
    return second_factors.prove(person=me(request), code=code, subject=f"target/{target[:64]}")


def _key(request: HttpRequest) -> Idempotency:
    """A form that is sent twice by a double click breaks one glass; without a mark of its own it is always another."""
    once = request.POST.get("once", "") or secrets.token_urlsafe(16)
    typed = [(name, values) for name, values in request.POST.lists() if name not in {"csrfmiddlewaretoken", "once"}]
    digest = hashlib.sha256(repr(sorted(typed)).encode()).hexdigest()
    return Idempotency(
        person_id=me(request).pk, key=f"break-glass:{once[:64]}", path=reverse("break-glass"), body_hash=digest
    )


def _form(request: HttpRequest, pane: Pane, *, data: QueryDict | None = None, initial: Any = None) -> BreakForm:
    target = pane.target
    return BreakForm(
        data,
        initial=initial,
        pane=pane,
        clusters=clusters_of(target, getattr(target, "inventory", None)),
        needs_code=accounts.second_factor_of(request) is None,
        needs_address=needs_address(target),
    )


def _initial(request: HttpRequest, pane: Pane | None) -> dict[str, Any]:
    if pane is None:
        return {}
    clusters = clusters_of(pane.target, getattr(pane.target, "inventory", None))
    return {
        "once": secrets.token_urlsafe(16),
        "duration": usual_length(pane),
        "clusters": list(clusters) if len(clusters) == 1 else [],
        "source_addresses": observed_address(request) if needs_address(pane.target) else "",
        "incident": request.GET.get("incident", "")[: rules.LONGEST_INCIDENT],
    }


def _shown(
    request: HttpRequest,
    found: list[Pane],
    pane: Pane | None,
    form: BreakForm | None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    at, who = clock.now(), belonging(request)
    seen = broken.visible_to(who)
    mine, everybody = broken.counted(me(request), at=at)
    context = {
        "panes": found,
        "pane": pane,
        "form": form,
        "has_factor": accounts.has_second_factor(request),
        "knows_factor": accounts.second_factor_of(request) is not None,
        "told": break_glass_shown.told_of(pane, without=me(request)) if pane else [],
        "live": [break_glass_shown.row_of(one, at=at) for one in broken.live(seen)[: broken.MOST_SHOWN]],
        "waiting": [
            break_glass_shown.row_of(one, at=at)
            for one in broken.to_review(seen)[: broken.MOST_SHOWN]
            if who.may_review(one.access_request) or one.person_id == me(request).pk
        ],
        "mine": mine,
        "everybody": everybody,
        "sees_report": who.sees_all,
        "is_in_slack": settings.ACCESS_SLACK,
    }
    return show(request, "break_glass/page.html", context, status=status)


def _one(
    request: HttpRequest, found: BreakGlass, form: ReviewForm, *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    context = break_glass_shown.context_of(found, who=belonging(request), at=clock.now())
    return show(request, "break_glass/one.html", {**context, "form": form}, status=status)
