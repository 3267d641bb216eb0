"""Custom roles of an Atlas project: what each lets one do, who has it, and changes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.fields import Strict
from accessrequests.api.filters import CustomRoleChangeFilters
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.custom_roles import ChangePreview, ChangeShape, CustomRoleShape
from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.events import Via
from accessrequests.models import CustomRoleChange, Person
from accessrequests.operations import custom_roles
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import catalogue, people
from accessrequests.queries import custom_roles as role_queries
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.custom_roles import Proposed

TAG = "Custom roles"
_EDIT = {
    "Reading one collection more": {
        "change": "edit",
        "role": "reporting",
        "privileges": ["find,listIndexes@shop.orders", "find@shop.products"],
        "inherits": [],
        "reason": "Reports need the products, too.",
    },
    "Taking one away": {"change": "delete", "role": "reporting", "reason": "Nobody uses it any more."},
}


def _reached_for(person: Person, pk: int) -> None:
    """:raises NotYours: when it is there, but not this person's to see."""
    if not role_queries.visible_to(belonging_of(person)).filter(pk=pk).exists():
        raise NotYours(get_object_or_404(CustomRoleChange, pk=pk))


def _told(request: Request, pk: int, **more: Any) -> Response:
    change = get_object_or_404(role_queries.visible_to(belonging_of(person_of(request))), pk=pk)
    return Response(ChangeShape(change).data, **more)


def _decided(request: Request, pk: int, verb: Callable[..., CustomRoleChange], body: type[Strict]) -> Response:
    """A yes or a no to one change, given once."""
    approver = person_of(request)
    _reached_for(approver, pk)
    said = body_of(request, body)
    done = once(request, lambda key: verb(change_id=pk, approver=approver, via=Via.API, idempotency=key, **said).pk)
    return _told(request, done.object_id)


def _sight(request: Request) -> dict[str, bool]:
    """Who has which role is for those who watch over it all; others are told how many."""
    return {"sees_all": belonging_of(person_of(request)).sees_all}


def _proposed(slug: str, said: dict[str, Any]) -> Proposed:
    return Proposed(
        target=slug,
        kind=ChangeKind(said["change"]),
        role=said["role"],
        reason=said["reason"],
        privileges=tuple(said.get("privileges", ())),
        inherits=tuple(said.get("inherits", ())),
    )


class CustomRoles(Endpoint):
    """The custom roles of a project, and proposing a change of one."""

    scopes = {"GET": "read", "POST": "request"}

    @documented(
        scope="read",
        operation_id="custom_roles_list",
        tag=TAG,
        summary="List the custom roles of a project",
        description="As they were read from Atlas, with what each lets one do, how many have it (for auditors and "
        "administrators: who), and whether it is one of those that are made for accesses. All of them on one page; of a target that is no Atlas project, none. "
        "403 `refused` while they have not been read yet.",
        answers={200: page("CustomRolePage", CustomRoleShape)},
        problems=["not_found", "refused"],
    )
    def get(self, request: Request, slug: str) -> Response:
        target = get_object_or_404(catalogue.every_target(), slug=slug)
        roles = role_queries.of_target(target)
        shown = CustomRoleShape(roles, many=True, context=_sight(request))
        return Response({"next": None, "previous": None, "results": shown.data})

    @documented(
        scope="request",
        operation_id="custom_roles_propose",
        tag=TAG,
        summary="Propose a change of a custom role",
        description="To create, edit or delete one, under the policy's own rules for that (`custom_roles`). Where it "
        "asks nobody, the change is carried out at once; else it waits for the people named in `verdict.steps`. What "
        "Atlas would not take is refused beforehand: reserved names, circles, a user left without a role, a role left "
        "with nothing in it, a full project. Try `preview/` first.",
        body=bodies.RoleChange,
        answers={201: ChangeShape},
        problems=["not_found", "refused", "illegal_move"],
        examples=_EDIT,
        once=True,
    )
    def post(self, request: Request, slug: str) -> Response:
        get_object_or_404(catalogue.every_target(), slug=slug)
        person, proposed = person_of(request), _proposed(slug, body_of(request, bodies.RoleChange))
        done = once(
            request,
            lambda key: custom_roles.propose(proposer=person, proposed=proposed, via=Via.API, idempotency=key).pk,
        )
        address = request.build_absolute_uri(reverse("api:custom_role_change", args=[done.object_id]))
        return _told(request, done.object_id, status=201, headers={"Location": address})


class PreviewCustomRole(Endpoint):
    """What a change would come to."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="custom_roles_preview",
        tag=TAG,
        summary="See what a change of a custom role would come to",
        description="What the role would let one do with all that it inherits, what changes for those who have it "
        "with all other roles that they have, counted, or named for auditors and administrators (Atlas knows no deny: the highest permission of any role counts), and the "
        "policy's verdict. Nothing is filed.",
        body=bodies.RoleChange,
        answers={200: ChangePreview},
        problems=["not_found", "refused"],
        examples=_EDIT,
    )
    def post(self, request: Request, slug: str) -> Response:
        get_object_or_404(catalogue.every_target(), slug=slug)
        person, proposed = person_of(request), _proposed(slug, body_of(request, bodies.RoleChange))
        considered = role_queries.consider(proposer=person, proposed=proposed, groups=people.groups_of(person))
        return Response(ChangePreview(considered, context=_sight(request)).data)


class CustomRoleChanges(Endpoint):
    """The changes of custom roles."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="custom_role_changes_list",
        tag=TAG,
        summary="List changes of custom roles",
        description="Your own, those that your groups decide on, and all of them for auditors and administrators. "
        "Newest first.",
        answers={200: page("CustomRoleChangePage", ChangeShape)},
        filters=CustomRoleChangeFilters,
    )
    def get(self, request: Request) -> Response:
        filters = filters_of(request, CustomRoleChangeFilters)
        columns = {"state": "state", "target": "target__slug"}
        narrowed = {column: filters[name] for name, column in columns.items() if name in filters}
        changes = role_queries.visible_to(belonging_of(person_of(request))).filter(**narrowed)
        return page_of(changes, request, lambda rows: ChangeShape(rows, many=True).data)


class OneCustomRoleChange(Endpoint):
    """One change."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="custom_role_changes_retrieve",
        tag=TAG,
        summary="Look at a change of a custom role",
        description="With what it says, the answers, and what Atlas made of it.",
        answers={200: ChangeShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _told(request, id)


class ApproveCustomRoleChange(Endpoint):
    """One yes."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="custom_role_changes_approve",
        tag=TAG,
        summary="Approve a change of a custom role",
        description="Gives your approval to the `revision` that you read. The one that fills the last slot has it "
        "carried out. Nobody decides on a change that they propose, nor on a role that a login or an access of theirs has.",
        body=bodies.RoleApproval,
        answers={200: ChangeShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"A yes": {"revision": 1, "comment": "Go ahead."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, custom_roles.approve, bodies.RoleApproval)


class DenyCustomRoleChange(Endpoint):
    """One no."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="custom_role_changes_deny",
        tag=TAG,
        summary="Deny a change of a custom role",
        description="One no ends it. Say why.",
        body=bodies.Denial,
        answers={200: ChangeShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"A no": {"revision": 1, "reason": "The report has it already."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, custom_roles.deny, bodies.Denial)


class CancelCustomRoleChange(Endpoint):
    """Whoever proposed it takes it back, or an administrator."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="custom_role_changes_cancel",
        tag=TAG,
        summary="Take a change of a custom role back",
        description="For the person who proposed it, and for administrators, while nobody has decided.",
        body=bodies.Nothing,
        answers={200: ChangeShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        _reached_for(person, id)
        body_of(request, bodies.Nothing)
        done = once(
            request,
            lambda key: custom_roles.cancel(change_id=id, person=person, via=Via.API, idempotency=key).pk,
        )
        return _told(request, done.object_id)
