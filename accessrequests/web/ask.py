"""Asking for access: the form, its preview, and the filing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from accessrequests.domain import policy, privileges
from accessrequests.domain.events import Via
from accessrequests.domain.window import spell_duration
from accessrequests.models import AccessRequest, Inventory, Person, Target
from accessrequests.operations import access_requests
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Refused
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import asks, clock, holdings, idempotency
from accessrequests.queries.asks import Asked, Invalid, NotReadYet
from accessrequests.queries.offers import targets_on_offer
from accessrequests.web import shown, unsent
from accessrequests.web.forms import AskForm
from accessrequests.web.pages import SeeOther, me, portal_page, show

USUAL_LENGTH = "PT2H"


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen if the ask were sent as it stands."""

    verdict: policy.Verdict
    refusals: list[str]
    steps: list[shown.StepShown]
    length: str
    maximum: str
    lapses_after: str
    lets_you_do: list[str]
    changes: list[str]
    twins: list[AccessRequest]


@portal_page("GET", "POST")
def ask(request: HttpRequest) -> HttpResponse:
    targets = list(targets_on_offer())
    if request.method != "POST":
        typed = unsent.take(request)
        if typed is not None:
            return _as_typed(request, typed, targets)
        slug, initial = _prefill(request.GET)
        form = AskForm(initial=initial, targets=targets, inventory=_inventory(targets, slug))
        return show(request, "ask/ask.html", {"form": form})
    form = AskForm(request.POST, targets=targets, inventory=_inventory(targets, request.POST.get("target", "")))
    act = request.POST.get("act", "send")
    if act == "choose":
        return _as_typed(request, request.POST, targets)  # the boxes of another target are wanted
    if not form.is_valid():
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    asked = form.asked(target=next(target for target in targets if target.slug == form.cleaned_data["target"]))
    return _preview(request, form, asked) if act == "preview" else _send(request, form, asked)


def _as_typed(request: HttpRequest, typed: QueryDict, targets: list[Target]) -> HttpResponse:
    """The form with all that was typed, and nothing of it judged yet."""
    form = AskForm(initial=_typed(typed), targets=targets, inventory=_inventory(targets, typed.get("target", "")))
    return show(request, "ask/ask.html", {"form": form})


def _send(request: HttpRequest, form: AskForm, asked: Asked) -> HttpResponse:
    try:
        number = _filed_once(me(request), asked, form.cleaned_data["once"])
    except Invalid as error:
        form.blame(error)
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotReadYet as error:
        form.add_error(None, str(error))
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.CONFLICT)
    except Refused as error:
        form.add_error(None, f"{error} Nothing was filed.")
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.FORBIDDEN)
    return SeeOther(reverse("request", args=[number]))


def _filed_once(person: Person, asked: Asked, once: str) -> int:
    """The request that was filed, now or by the first of two clicks. The same form with other words is another ask."""
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()
    key = Idempotency(person_id=person.pk, key=f"form:{once}:{digest}", path=reverse("ask"), body_hash=digest)
    earlier = idempotency.first_use(person_id=person.pk, key=key.key) if once else None
    if earlier is not None:
        return earlier.object_id
    try:
        filed = access_requests.submit(requester=person, asked=asked, via=Via.WEB, idempotency=key if once else None)
    except IntegrityError:
        earlier = idempotency.first_use(person_id=person.pk, key=key.key)
        if earlier is None:
            raise
        return earlier.object_id
    return filed.pk


def _preview(request: HttpRequest, form: AskForm, asked: Asked) -> HttpResponse:
    try:
        preview = _previewed(me(request), asked)
    except Invalid as error:
        form.blame(error)
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotReadYet as error:
        form.add_error(None, str(error))
        return show(request, "ask/ask.html", {"form": form}, status=HTTPStatus.CONFLICT)
    return show(request, "ask/ask.html", {"form": form, "preview": preview})


def _previewed(person: Person, asked: Asked) -> Preview:
    """The same judgement as filing, and nothing is filed."""
    at = clock.now()
    considered = asks.consider(requester=person, asked=asked, at=at)
    verdict, beneficiary = considered.verdict, considered.beneficiary
    without = [person.pk, beneficiary.pk]
    told = request_queries.with_people(policy.to_json(verdict), without=without, since=at)
    people = {step["group"]: step["people"] for step in told["steps"]}
    after = privileges.union(*considered.privileges.values())
    before = holdings.held(beneficiary, considered.target)
    return Preview(
        verdict=verdict,
        refusals=[refusal.sentence for refusal in verdict.refusals],
        steps=shown.steps_shown(verdict.steps, people=people),
        length=spell_duration(asked.duration),
        maximum=spell_duration(verdict.maximum) if verdict.maximum else "",
        lapses_after=spell_duration(verdict.lapses_after),
        lets_you_do=privileges.what_this_lets_you_do(after),
        changes=privileges.what_changes(before, privileges.union(before, after)),
        twins=holdings.twins(considered),
    )


def _inventory(targets: list[Target], slug: str) -> Inventory | None:
    if slug not in {target.slug for target in targets}:
        return None
    return Inventory.objects.filter(target__slug=slug).first()


def _prefill(query: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    """`?target=shop-prod&role=read@shop.orders`, as links in runbooks have it. Nothing is filed by following one."""
    slug, role = query.get("target", ""), query.get("role", "")
    name, dot, collection = role.partition(".")
    place = f"{name.partition('@')[2]}.{collection}" if dot else ""
    return slug, {
        "target": slug,
        "role": [name],
        "collection": place,
        "duration": USUAL_LENGTH,
        "once": secrets.token_urlsafe(16),
    }


def _typed(posted: QueryDict) -> dict[str, object]:
    typed: dict[str, object] = {name: posted.get(name, "") for name in AskForm.base_fields}
    return {**typed, "role": posted.getlist("role")}
