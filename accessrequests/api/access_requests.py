"""Ask, look, and decide."""

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
from accessrequests.api.filters import AccessRequestFilters, narrowed
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.access_requests import AccessRequestShape, Preview, preview_shown, shown
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Person
from accessrequests.operations import access_requests
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import access_requests as access_request_queries
from accessrequests.queries import clock, preview

TAG = "Access requests"
_ASK = {
    "Reading one collection for two hours": {
        "target": "shop-prod",
        "kind": "database_user",
        "roles": ["read@shop.orders"],
        "duration": "PT2H",
        "reason": "Refund totals are off for twelve orders.",
    }
}


def seen(person: Person, pk: int) -> AccessRequest:
    """:raises Http404: also when it is there, but not this person's to see."""
    return get_object_or_404(access_request_queries.visible_to(person), pk=pk)


def reached_for(person: Person, pk: int) -> AccessRequest:
    """As `seen`, for those who want to act on it: whoever tries it blindly is recorded.

    :raises NotYours: when it is there, but not this person's to see.
    """
    found = access_request_queries.visible_to(person).filter(pk=pk).first()
    if found is None:
        raise NotYours(get_object_or_404(AccessRequest, pk=pk))
    return found


def told(request: Request, pk: int, **more: Any) -> Response:
    """The request as it is now."""
    (answer,) = shown([seen(person_of(request), pk)])
    return Response(answer, **more)


def _decided(request: Request, pk: int, verb: Callable[..., AccessRequest], body: type[Strict]) -> Response:
    """A yes or a no, given once."""
    approver = person_of(request)
    reached_for(approver, pk)
    said = body_of(request, body)
    done = once(
        request, lambda key: verb(access_request_id=pk, approver=approver, via=Via.API, idempotency=key, **said).pk
    )
    return told(request, done.object_id)


class AccessRequests(Endpoint):
    """The list, and filing a new one."""

    scopes = {"GET": "read", "POST": "request"}

    @documented(
        scope="read",
        operation_id="access_requests_list",
        tag=TAG,
        summary="List access requests",
        description="Your own, those that your groups may decide on, and all of them for auditors and administrators. "
        "Newest first.",
        answers={200: page("AccessRequestPage", AccessRequestShape)},
        filters=AccessRequestFilters,
    )
    def get(self, request: Request) -> Response:
        person, filters = person_of(request), filters_of(request, AccessRequestFilters)
        mine, waiting = (filters.get(name) == "true" for name in ("mine", "awaiting_me"))
        ways = access_request_queries.listed_for(person, mine=mine, awaiting_me=waiting)
        ways = [way.filter(**narrowed(filters, "state")) for way in ways]
        return page_of(access_request_queries.as_shown(), request, shown, ways=ways)

    @documented(
        scope="request",
        operation_id="access_requests_create",
        tag=TAG,
        summary="Ask for access",
        description="Files an access request. Where the policy asks nobody, it is born approved and its `grant` is "
        "there at once; else it waits for the people named in `verdict.steps`. Try `access-requests/preview/` first: "
        "it says the same and files nothing.",
        body=bodies.Ask,
        answers={201: AccessRequestShape},
        problems=["refused"],
        examples=_ASK,
        once=True,
    )
    def post(self, request: Request) -> Response:
        person, asked = person_of(request), bodies.asked(body_of(request, bodies.Ask))
        done = once(
            request,
            lambda key: access_requests.submit(requester=person, asked=asked, via=Via.API, idempotency=key).pk,
        )
        address = request.build_absolute_uri(reverse("api:access_request", args=[done.object_id]))
        return told(request, done.object_id, status=201, headers={"Location": address})


class PreviewAccessRequest(Endpoint):
    """The verdict, without filing anything."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="access_requests_preview",
        tag=TAG,
        summary="See what would come of an ask",
        description="The policy's verdict, what the roles let the person do, what changes, and a pointer to the same "
        "ask when there is one already. Nothing is filed. What the policy refuses is answered with `allowed: false`.",
        body=bodies.Ask,
        answers={200: Preview},
        problems=["refused"],
        examples=_ASK,
    )
    def post(self, request: Request) -> Response:
        asked = bodies.asked(body_of(request, bodies.Ask))
        return Response(preview_shown(preview.preview(requester=person_of(request), asked=asked, at=clock.now())))


class OneAccessRequest(Endpoint):
    """One access request."""

    scopes = {"GET": "read", "PATCH": "request"}

    @documented(
        scope="read",
        operation_id="access_requests_retrieve",
        tag=TAG,
        summary="Look at an access request",
        description="With its verdict, approvals, grant and timeline.",
        answers={200: AccessRequestShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return told(request, id)

    @documented(
        scope="request",
        operation_id="access_requests_edit",
        tag=TAG,
        summary="Change an access request",
        description="For the person who asked, while nobody has decided. Raises the revision, so that approvals given "
        "so far no longer count. The target, the kind and who gets the access stay: for another one, cancel and ask "
        "again. Where the policy asks nobody about what it has become, it is approved at once.",
        body=bodies.Edit,
        answers={200: AccessRequestShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"Less, for a shorter time": {"revision": 1, "roles": ["read@shop.orders"], "duration": "PT1H"}},
    )
    def patch(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        requester = person_of(request)
        reached_for(requester, id)
        said = body_of(request, bodies.Edit)
        access_requests.edit(
            access_request_id=id,
            requester=requester,
            via=Via.API,
            revision=said["revision"],
            changes=bodies.changes(said),
        )
        return told(request, id)


class Approve(Endpoint):
    """One yes."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="access_requests_approve",
        tag=TAG,
        summary="Approve",
        description="Gives your approval to the `revision` that you read. The one that fills the last slot approves "
        "the request and makes its grant. Nobody decides on access that they ask for or would get. `duration` may "
        "shorten, never lengthen.",
        body=bodies.Approval,
        answers={200: AccessRequestShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={
            "A yes": {"revision": 1, "comment": "Go ahead."},
            "A shorter yes": {"revision": 1, "duration": "PT1H"},
        },
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, access_requests.approve, bodies.Approval)


class Deny(Endpoint):
    """One no."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="access_requests_deny",
        tag=TAG,
        summary="Deny",
        description="One no ends the request. Say why, so that the requester knows what to ask for instead.",
        body=bodies.Denial,
        answers={200: AccessRequestShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"A no": {"revision": 1, "reason": "Staging has the same orders. Ask there."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, access_requests.deny, bodies.Denial)


class Cancel(Endpoint):
    """The requester takes it back."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="access_requests_cancel",
        tag=TAG,
        summary="Take an access request back",
        description="For the person who asked, while nobody has decided.",
        body=bodies.Nothing,
        answers={200: AccessRequestShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        requester = person_of(request)
        reached_for(requester, id)
        body_of(request, bodies.Nothing)
        done = once(
            request,
            lambda key: (
                access_requests.cancel(access_request_id=id, requester=requester, via=Via.API, idempotency=key).pk
            ),
        )
        return told(request, done.object_id)


class Comments(Endpoint):
    """What people write to each other about it."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="access_requests_comment",
        tag=TAG,
        summary="Write a comment",
        description="For those who ask, those who are asked or have answered, and administrators, until the request or "
        "the access that came of it is over. The others are told. The `timeline` shows it with its text.",
        body=bodies.Comment,
        answers={201: AccessRequestShape},
        problems=["refused", "not_found", "illegal_move"],
        examples={"A question": {"text": "Would the copy on staging do?"}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        reached_for(person, id)
        said = body_of(request, bodies.Comment)
        done = once(
            request,
            lambda key: (
                access_requests.comment(access_request_id=id, person=person, via=Via.API, idempotency=key, **said).pk
            ),
        )
        return told(request, done.object_id, status=201)
