"""Asking for access, or for something else in a request that waits: the form, its preview, and the filing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from accessrequests.domain import single_actions
from accessrequests.domain.actions import COLLECTION_ACTIONS
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.window import format_duration
from accessrequests.domain.wizard import TOLD
from accessrequests.models import AccessRequest, Inventory, Person, PolicyVersion, SavedAsk
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import access_requests
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Refused
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import asks, catalogue, clock, idempotency, offers, people
from accessrequests.queries.asks import Asked, Invalid, NotReadYet
from accessrequests.queries.offers import ONE, SINGLE
from accessrequests.web import requests, together, unsent
from accessrequests.web.ask_boxes import fitting
from accessrequests.web.ask_forms import AskForm, Offer, offer_of
from accessrequests.web.ask_kinds import kinds_of
from accessrequests.web.ask_scope import fill_in, needs_address, observed_address, offered_methods
from accessrequests.web.ask_shown import Rail, rail_of
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

NOT_CHOSEN = "Choose a database server, what you want to do and for how long: then it is shown here what would happen."
WORTH_SAYING = ("want", "single", "project_role", "collection", "duration", "other_duration", "until")
MOST_DIGITS = 18
# What may become different in a request that waits.
CHANGEABLE = (
    "roles", "duration", "reason", "authentication", "principal", "clusters", "source_addresses", "starts_at", "ticket",
)  # fmt: skip


class Page:
    """Everything around the form of one request: the targets, the policy, and the hits of the search."""

    def __init__(self, request: HttpRequest, typed: Mapping[str, Any], *, changed: AccessRequest | None = None) -> None:
        self.request, self.person, self.at, self.changed = request, me(request), clock.now(), changed
        self.targets = list(offers.targets_on_offer()) if changed is None else [changed.target]
        self.version = PolicyVersion.objects.order_by("-version").first()
        self.groups = frozenset(belonging(request).since)
        self.words = request.GET.get("q", "")[:200]
        self.offer = self._offer(str(typed.get("target", "")))

    def _offer(self, slug: str) -> Offer:
        target = next((one for one in self.targets if one.slug == slug), None)
        if target is None:
            return Offer()
        inventory = Inventory.objects.filter(target=target).first()
        if inventory is not None:
            inventory.target = target  # so that the target knows it, too
        outlook = offers.outlook(self.version, target, person=self.person, groups=self.groups)
        kinds = kinds_of(target, self.person)
        return offer_of(target, inventory, outlook, observed=observed_address(self.request), kinds=kinds)

    def fill_in(self, initial: dict[str, Any]) -> dict[str, Any]:
        """What goes without saying on the chosen target."""
        offer = self.offer
        return fill_in(initial, target=offer.target, clusters=offer.clusters, observed=observed_address(self.request))

    def form(self, data: QueryDict | None = None, **options: Any) -> AskForm:
        return AskForm(data, targets=self.targets, offer=self.offer, at=self.at, **options)

    def show(
        self, form: AskForm, *, rail: Rail | None = None, status: HTTPStatus = HTTPStatus.OK, told: str = ""
    ) -> HttpResponse:
        """The whole page, with the targets that the search found, and what is told of the ask."""
        chosen = self.offer.target.slug if self.offer.target else ""
        hits, more = offers.found_targets(
            self.targets,
            words=self.words,
            person=self.person,
            version=self.version,
            groups=self.groups,
            chosen=chosen,
        )
        found = {"hits": hits, "more": more, "words": self.words, "chosen": chosen, "any": bool(self.targets)}
        said = {"form": form, "rail": rail, "missing": "" if rail else NOT_CHOSEN, "told": told}
        context = {**found, **said, **self._around()}
        template = "ask/_hits.html" if self._wants("hits") else "ask/ask.html"
        return show(self.request, template, context, status=status)

    def part(self, form: AskForm, *, rail: Rail | None, missing: str, template: str) -> HttpResponse:
        """What htmx swaps in: the rail, with the choices where the target is another."""
        longest = self.request.POST.get("longest", "")
        context = {"form": form, "rail": rail, "missing": missing, "is_part": True, **self._around()}
        return show(self.request, template, {**context, "chips_changed": longest != form.longest})

    def _around(self) -> dict[str, Any]:
        """Where the form goes, and the request that it changes, in the revision that was read."""
        if self.changed is None:
            return {"here": reverse("ask"), "services": people.services_on_offer, "saved": self._saved}
        here = reverse("request-change", args=[self.changed.pk])
        revision = self.request.POST.get("revision") or self.changed.revision
        return {"here": here, "changed": self.changed, "revision": revision}

    def _saved(self) -> QuerySet[SavedAsk]:
        return SavedAsk.objects.filter(person=self.person).select_related("access_request__target").order_by("name")

    def file(self, asked: Asked, also: Sequence[str]) -> int:
        """What is asked for, filed or put in the place of what was asked before: the number of the request."""
        if self.changed is None:
            return _filed_once(self.person, asked, also, self.request.POST)
        revision = self.request.POST.get("revision", "")
        read = int(revision) if revision.isdecimal() and len(revision) <= MOST_DIGITS else 0
        changes = {name: getattr(asked, name) for name in CHANGEABLE}
        access_requests.edit(
            access_request_id=self.changed.pk, requester=self.person, via=Via.WEB, revision=read, changes=changes
        )
        messages.success(self.request, "You changed the request. Answers given before no longer count.")
        return self.changed.pk

    def _wants(self, part: str) -> bool:
        return self.is_part and self.request.headers.get("HX-Target") == part

    @property
    def is_part(self) -> bool:
        return self.request.headers.get("HX-Request") == "true"


@portal_page("GET", "POST")
def ask(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        typed = unsent.take(request)
        if typed is not None:
            return _as_typed(Page(request, typed), typed)
        initial = _prefilled(me(request), request.GET)
        page = Page(request, initial)
        _choose(page.offer, initial, str(initial.pop("named", "")))
        form = page.form(initial=page.fill_in(initial))
        told = TOLD.get(request.GET.get("told", ""), "")
        return page.show(form, rail=_foreseen(page, form) if told else None, told=told)
    return _posted(request, Page(request, request.POST))


@portal_page("GET", "POST")
def change(request: HttpRequest, number: int) -> HttpResponse:
    """The same form over what was asked for, while nobody has decided."""
    if request.method == "POST":
        return _posted(request, Page(request, request.POST, changed=requests.visible(request, number)))
    access_request = requests.at_hand(request, number)
    if access_request.requester_id != me(request).pk or access_request.state != AccessRequestState.PENDING:
        return SeeOther(reverse("request", args=[number]))
    initial = _again(me(request), access_request)
    page = Page(request, initial, changed=access_request)
    _choose(page.offer, initial, str(initial.pop("named", "")))
    return page.show(page.form(initial=page.fill_in(initial)))


def _posted(request: HttpRequest, page: Page) -> HttpResponse:
    act = request.POST.get("act", "send")
    if act == "choose":
        return _as_typed(page, request.POST)
    if act == "send" and not page.is_part:
        return _send(page, page.form(request.POST))
    return _preview(page, request.POST)


def _as_typed(page: Page, typed: QueryDict) -> HttpResponse:
    """The form with all that was typed, and nothing of it judged yet: what another target has is wanted."""
    initial: dict[str, Any] = {name: typed.get(name, "") for name in AskForm.base_fields}
    initial["role"] = [role for role in typed.getlist("role") if role in {one.name for one in page.offer.roles}]
    initial["single"] = typed.getlist("single")
    initial["clusters"] = typed.getlist("clusters")
    there = [place for place in typed.getlist("more_collections") if place in page.offer.collections]
    initial["more_collections"] = there
    initial["also"] = typed.getlist("also")
    initial["project_role"] = typed.getlist("project_role")
    if initial["authentication"] not in offered_methods(page.offer.target):
        initial["authentication"] = ""
    if initial["want"] not in {one.role for one in page.offer.wants}:
        initial["want"] = ""
    if initial["collection"] not in page.offer.collections:
        initial["collection"] = ""
    observed = observed_address(page.request)
    if not needs_address(page.offer.target) and initial["source_addresses"] == observed:
        initial["source_addresses"] = ""  # it went without saying on another target
    form = page.form(initial=page.fill_in(initial))
    if not page.is_part:
        return page.show(form)
    answer = page.part(form, rail=None, missing="", template="ask/_chosen.html")
    answer["HX-Trigger-After-Settle"] = "chosen"
    return answer


def _preview(page: Page, typed: QueryDict) -> HttpResponse:
    """The same judgement as filing, and nothing is filed. What is still to be written is no mistake yet."""
    form = page.form(typed)
    form.is_valid()
    rail, missing = _judged(page, form)
    if page.is_part:
        return page.part(form, rail=rail, missing=missing, template="ask/_live.html")
    if form.errors:
        return page.show(form, rail=rail, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    status = HTTPStatus.OK if rail else HTTPStatus.CONFLICT
    if not rail:
        form.add_error(None, missing)
    return page.show(form, rail=rail, status=status)


def _foreseen(page: Page, form: AskForm) -> Rail | None:
    """What would come of the form as it was filled in for somebody."""
    typed = QueryDict(mutable=True)
    for name in form.fields:
        value = form[name].value()
        typed.setlist(name, [one for one in (value if isinstance(value, list) else [value]) if one])
    filled = page.form(typed)
    filled.is_valid()
    return _judged(page, filled)[0]


def _judged(page: Page, form: AskForm) -> tuple[Rail | None, str]:
    """What would come of the ask, or why that cannot be said yet."""
    asked = form.asked()
    if asked is None or form.cleaned_data["length"] is None or not asked.roles:
        wrong = [str(error) for name in WORTH_SAYING for error in form.errors.get(name, ())]
        return None, " ".join(wrong) if asked else NOT_CHOSEN
    try:
        rail = rail_of(
            requester=page.person,
            asked=asked,
            at=page.at,
            version=page.version,
            target=page.offer.target,
            groups=page.groups,
            also=form.cleaned_data.get("also", ()),
        )
    except Invalid as error:
        form.blame(error)
        return None, str(error)
    except NotReadYet as error:
        return None, str(error)
    return rail, ""


def _send(page: Page, form: AskForm) -> HttpResponse:
    """File it; else name everything that is wrong with it in one go, and keep what was typed."""
    form.is_valid()
    asked = form.asked()
    try:
        if asked is not None and asked.roles:
            considered = asks.consider(requester=page.person, asked=asked, at=page.at, is_draft="reason" in form.errors)
            if form.errors or not considered.verdict.allowed:
                status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.FORBIDDEN
                form.refuse(considered.verdict)
                return page.show(form, status=status)
        if form.errors or asked is None:
            return page.show(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        number = page.file(asked, form.cleaned_data["also"])
    except Invalid as error:
        form.blame(error)
        return page.show(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotReadYet as error:
        form.add_error(None, str(error))
        return page.show(form, status=HTTPStatus.CONFLICT)
    except Refused as error:
        form.add_error(None, f"{error} Nothing was filed.")
        return page.show(form, status=HTTPStatus.FORBIDDEN)
    return SeeOther(reverse("request", args=[number]))


def _filed_once(person: Person, asked: Asked, also: Sequence[str], typed: QueryDict) -> int:
    """The request that was filed, now or by the first of two clicks. The same form with other words is another ask."""
    said = sorted((name, values) for name, values in typed.lists() if name != "csrfmiddlewaretoken")
    digest, once = hashlib.sha256(repr(said).encode()).hexdigest(), typed.get("once", "")
    key = Idempotency(person_id=person.pk, key=f"form:{once}:{digest}", path=reverse("ask"), body_hash=digest)
    earlier = idempotency.first_use(person_id=person.pk, key=key.key) if once else None
    if earlier is not None:
        return earlier.object_id
    try:
        filed = together.filed(person, asked, also, key=key if once else None)
    except IntegrityError:
        earlier = idempotency.first_use(person_id=person.pk, key=key.key)
        if earlier is None:
            raise
        return earlier.object_id
    return filed.pk


def _prefilled(person: Person, query: QueryDict) -> dict[str, Any]:
    """`?target=shop-prod&role=read@shop.orders`, as links in runbooks have it. Nothing is filed by following one."""
    initial: dict[str, Any] = {"once": secrets.token_urlsafe(16), "named": query.get("role", "")}
    again = query.get("again", "")
    if again.isdecimal() and len(again) <= MOST_DIGITS:
        found = request_queries.visible_to(person).filter(pk=int(again)).first()
        initial |= _again(person, found) if found else {}
    given = (
        "target",
        "duration",
        "other_duration",
        "reason",
        "ticket",
        "source_addresses",
        "grantee",
        "authentication",
        "kind",
        "database_user",
        "principal",
    )
    initial |= _of_preset(query.get("target", ""), query.get("preset", ""))
    named: dict[str, Any] = {"clusters": query.getlist("clusters")} if "clusters" in query else {}
    if query.get("kind") == AccessKind.PROJECT_ROLE and initial["named"]:
        named |= {"project_role": str(initial["named"]).split(), "named": ""}
    return initial | {name: query[name] for name in given if query.get(name)} | named


def _of_preset(slug: str, name: str) -> dict[str, Any]:
    """What the catalogue of the target says under that name; nothing where it says nothing."""
    preset = catalogue.preset(slug, name) if slug and name else None
    if preset is None:
        return {}
    return {
        "preset": name,
        "named": " ".join(preset["roles"]),
        "duration": preset["duration"],
        "clusters": preset["clusters"],
        "authentication": preset["authentication"],
    }


def _again(person: Person, earlier: AccessRequest) -> dict[str, Any]:
    """The words of an earlier request, to be sent as one's own."""
    is_project_role = earlier.kind == AccessKind.PROJECT_ROLE
    return {
        "target": earlier.target.slug,
        "kind": earlier.kind,
        "database_user": earlier.database_user,
        "project_role": earlier.roles if is_project_role else [],
        "named": "" if is_project_role else " ".join(earlier.roles),
        "duration": format_duration(earlier.duration),
        "reason": earlier.reason,
        "ticket": earlier.ticket,
        "source_addresses": " ".join(earlier.source_addresses),
        "clusters": earlier.clusters,
        "authentication": earlier.authentication,
        "principal": earlier.named_by_others,
        "grantee": earlier.beneficiary.username if earlier.beneficiary_id != person.pk else "",
    }


def _choose(offer: Offer, initial: dict[str, Any], named: str) -> None:
    """Turn roles by name into the choice that stands for them, and a length into one of those that fit."""
    parts = [name.partition("@") for name in named.split()]
    roles, places = {role for role, *_ in parts}, [where for *_, where in parts]
    role = roles.pop() if len(roles) == 1 and set(places) <= set(offer.collections) else ""
    wants = {one.role for one in offer.wants}
    if role and f"{ONE}{role}" in wants:
        initial |= {"want": f"{ONE}{role}", "collection": places[0], "more_collections": places[1:]}
    elif role and SINGLE in wants and _actions_in(role):
        single = sorted(_actions_in(role))
        initial |= {"want": SINGLE, "collection": places[0], "more_collections": places[1:], "single": single}
    elif named in wants:
        initial["want"] = named
    elif named in {one.name for one in offer.roles}:
        initial["role"] = [named]
    else:
        initial["roles"] = named
    verdict = next(iter(offer.outlook.values()), None)
    initial.setdefault("duration", fitting(verdict))


def _actions_in(role: str) -> frozenset[str]:
    """The single actions that a link names in place of a role, where each has a box."""
    actions = frozenset(role.split(single_actions.SEPARATOR))
    return actions if actions <= COLLECTION_ACTIONS & single_actions.IN_WORDS.keys() else frozenset()
