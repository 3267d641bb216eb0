"""Custom roles of a project: the list, proposing a change, and the page of a change with its two buttons."""

from __future__ import annotations

import hashlib
import secrets
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.models import CustomRoleChange, Person, Target
from accessrequests.operations import custom_roles
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotYours, Refused
from accessrequests.queries import custom_roles as role_queries
from accessrequests.queries import idempotency, targets
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.custom_roles import Considered, Proposed
from accessrequests.web import roles_shown
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.role_forms import ApproveRoleForm, DenyRoleForm, RoleForm
from accessrequests.web.whoami import belonging

PAGE = 25
NOT_WRITTEN = "-"


@portal_page("GET")
def roles_page(request: HttpRequest, slug: str) -> HttpResponse:
    target = _project(slug)
    try:
        roles, unread = role_queries.of_target(target), ""
    except NotReadYet as error:
        roles, unread = [], str(error)
    page = Paginator(roles, PAGE).get_page(request.GET.get("page"))
    who = belonging(request)
    readable = role_queries.visible_to(who).filter(pk__in=[role.made_by for role in page if role.made_by])
    context = {
        "target": target,
        "page": page,
        "roles": list(page),
        "unread": unread,
        "sees_all": who.sees_all,
        "readable": set(readable.values_list("pk", flat=True)),
    }
    return show(request, "custom_roles/roles.html", context)


@portal_page("GET", "POST")
def propose(request: HttpRequest, slug: str) -> HttpResponse:
    target = _project(slug)
    if request.method != "POST":
        return _asked(request, target, RoleForm(initial=_initial(request, target), slug=slug))
    form = RoleForm(request.POST, slug=slug)
    form.is_valid()
    if request.POST.get("act") == "preview":
        return _asked(request, target, form, status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK)
    proposed = form.proposed()
    if form.errors or proposed is None:
        return _asked(request, target, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        number = _filed_once(request, proposed)
    except Invalid as error:
        form.blame(error)
        return _asked(request, target, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except IllegalMove as error:
        form.add_error(None, f"{error} Nothing was filed.")
        return _asked(request, target, form, status=HTTPStatus.CONFLICT)
    except Refused as error:
        form.add_error(None, f"{error} Nothing was filed.")
        return _asked(request, target, form, status=HTTPStatus.FORBIDDEN)
    return SeeOther(reverse("custom-role-change", args=[number]))


@portal_page("GET")
def changes_page(request: HttpRequest) -> HttpResponse:
    changes = role_queries.visible_to(belonging(request))
    page = Paginator(changes, PAGE).get_page(request.GET.get("page"))
    items = [(change, roles_shown.title_of(change), roles_shown.tag_of(change)) for change in page]
    return show(request, "custom_roles/changes.html", {"items": items, "page": page})


@portal_page("GET")
def change_page(request: HttpRequest, number: int) -> HttpResponse:
    return _shown(request, _visible(request, number))


@portal_page("POST")
def approve(request: HttpRequest, number: int) -> HttpResponse:
    change = _visible(request, number)
    form = ApproveRoleForm(request.POST, change=change)
    if not form.is_valid():
        return _shown(request, change, approve=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    done = custom_roles.approve(change_id=number, approver=me(request), via=Via.WEB, **form.cleaned_data)
    approved = done.state == ChangeState.APPROVED
    messages.success(request, f"You approved it. {'It is being made.' if approved else 'It still waits for others.'}")
    return SeeOther(reverse("custom-role-change", args=[number]))


@portal_page("POST")
def deny(request: HttpRequest, number: int) -> HttpResponse:
    change = _visible(request, number)
    form = DenyRoleForm(request.POST, change=change)
    if form.is_valid():
        try:
            custom_roles.deny(change_id=number, approver=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        else:
            messages.success(request, "You denied it. Whoever proposed it is told why.")
            return SeeOther(reverse("custom-role-change", args=[number]))
    return _shown(request, change, deny=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("POST")
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    _visible(request, number)
    custom_roles.cancel(change_id=number, person=me(request), via=Via.WEB)
    messages.success(request, "You took it back.")
    return SeeOther(reverse("custom-role-change", args=[number]))


def _project(slug: str) -> Target:
    target = get_object_or_404(targets.by_slug(), slug=slug)
    if not role_queries.has_custom_roles(target):
        raise Http404
    return target


def _visible(request: HttpRequest, number: int) -> CustomRoleChange:
    """:raises NotYours: when it is there, but not this person's to see."""
    found = role_queries.visible_to(belonging(request)).filter(pk=number).first()
    if found is not None:
        return found
    there = get_object_or_404(CustomRoleChange, pk=number)
    if request.method == "POST":
        raise NotYours(there)
    raise Http404


def _initial(request: HttpRequest, target: Target) -> dict[str, Any]:
    """`?kind=edit&role=reporting`: the role as it is. Nothing is filed by following a link."""
    kind, role = request.GET.get("kind", ChangeKind.CREATE.value), request.GET.get("role", "")[:128]
    initial = {"once": secrets.token_urlsafe(16), "kind": kind, "role": role}
    if kind not in set(ChangeKind):
        raise Http404
    if kind == ChangeKind.CREATE:
        return initial
    stored = getattr(getattr(target, "inventory", None), "custom_roles", {}).get(role)
    if stored is None:
        raise Http404
    return {**initial, "privileges": "\n".join(stored["privileges"]), "inherits": "\n".join(stored["inherits"])}


def _asked(request: HttpRequest, target: Target, form: RoleForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    """The form, with what would come of it as far as that can be said."""
    considered, missing = _considered(request, form) if form.is_bound or form.verb == ChangeKind.DELETE else (None, "")
    context = {
        "target": target,
        "form": form,
        "considered": considered,
        "effects": roles_shown.effects_for(belonging(request), considered),
        "missing": missing,
        "verb": {"create": "Make a role", "edit": "Change", "delete": "Delete"}.get(form.verb, "Change"),
    }
    return show(request, "custom_roles/propose.html", context, status=status)


def _considered(request: HttpRequest, form: RoleForm) -> tuple[Considered | None, str]:
    if form.is_bound:
        proposed = form.proposed(reason=NOT_WRITTEN)
    else:
        named = str(form["role"].value())
        proposed = Proposed(target=form.slug, kind=ChangeKind.DELETE, role=named, reason=NOT_WRITTEN)
    if proposed is None:
        return None, ""
    person, groups = me(request), frozenset(belonging(request).since)
    try:
        return role_queries.consider(proposer=person, proposed=proposed, groups=groups), ""
    except (Invalid, NotReadYet) as error:
        return None, str(error)


def _filed_once(request: HttpRequest, proposed: Proposed) -> int:
    """The change that was filed, now or by the first of two clicks."""
    person, once = me(request), request.POST.get("once", "")[:64]
    digest = hashlib.sha256(repr(proposed).encode()).hexdigest()
    key = Idempotency(person_id=person.pk, key=f"role:{once}:{digest}", path=request.path, body_hash=digest)
    earlier = _earlier(person, key) if once else None
    if earlier is not None:
        return earlier
    try:
        return custom_roles.propose(
            proposer=person, proposed=proposed, via=Via.WEB, idempotency=key if once else None
        ).pk
    except (IntegrityError, IllegalMove):
        earlier = _earlier(person, key) if once else None
        if earlier is None:
            raise
        return earlier


def _earlier(person: Person, key: Idempotency) -> int | None:
    used = idempotency.first_use(person_id=person.pk, key=key.key)
    return used.object_id if used is not None else None


def _shown(
    request: HttpRequest,
    change: CustomRoleChange,
    *,
    approve: ApproveRoleForm | None = None,
    deny: DenyRoleForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    who = belonging(request)
    pending = change.state == ChangeState.PENDING
    may_decide = pending and roles_shown.may_decide(who, change)
    context = {
        **roles_shown.context_of(change, who=who),
        "approve": (approve or ApproveRoleForm(change=change)) if may_decide else None,
        "deny": (deny or DenyRoleForm(change=change)) if may_decide else None,
        "may_cancel": pending and (change.proposer_id == who.person.pk or who.administers),
    }
    return show(request, "custom_roles/change.html", context, status=status)
