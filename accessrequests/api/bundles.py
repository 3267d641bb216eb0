"""Ask for several targets at once, look at what was asked together, and decide on all of it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented
from accessrequests.api.endpoint import Endpoint, body_of, person_of
from accessrequests.api.fields import Strict
from accessrequests.api.once import once
from accessrequests.api.shapes.access_requests import BundleShape, shown
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Person
from accessrequests.operations import bundles
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import access_requests as access_request_queries

TAG = "Access requests"
_ASK = {"kind": "database_user", "roles": ["read@shop.orders"], "duration": "PT2H", "reason": "Totals differ by 12."}


def _told(person: Person, pk: int) -> dict[str, object]:
    """:raises Http404: when there is no such bundle, or nothing of it is theirs to see."""
    found = list(access_request_queries.visible_to(person).filter(bundle=pk).order_by("pk"))
    if not found:
        raise Http404
    return {"id": pk, "access_requests": shown(found)}


def _reached_for(person: Person, pk: int) -> None:
    """:raises NotYours: when it is there, but nothing of it is this person's to see."""
    if not access_request_queries.visible_to(person).filter(bundle=pk).exists():
        first = AccessRequest.objects.filter(bundle=pk).order_by("pk").first()
        if first is None:
            raise Http404
        raise NotYours(first)


def _decided(request: Request, pk: int, verb: Callable[..., object], body: type[Strict]) -> Response:
    """A yes or a no to those that are named, given once."""
    approver = person_of(request)
    _reached_for(approver, pk)
    said = body_of(request, body)
    revisions = bodies.revisions(said.pop("requests"))

    def decide(key: Idempotency | None) -> int:
        verb(bundle=pk, approver=approver, via=Via.API, revisions=revisions, idempotency=key, **said)
        return pk

    return Response(_told(approver, once(request, decide).object_id))


class Bundles(Endpoint):
    """Asking."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="bundles_create",
        tag=TAG,
        summary="Ask for several targets at once",
        description="Files one access request for each of `asks`, all of them or none. Each is judged by itself, and "
        "may be decided by itself. Where one cannot be filed, `errors` name it by its place, as `asks.0.roles`.",
        body=bodies.Asks,
        answers={201: BundleShape},
        problems=["refused"],
        examples={"The same on two": {"asks": [{"target": slug, **_ASK} for slug in ("shop-staging", "shop-prod")]}},
        once=True,
    )
    def post(self, request: Request) -> Response:
        person = person_of(request)
        asked = [bodies.asked(dict(one)) for one in body_of(request, bodies.Asks)["asks"]]
        done = once(
            request,
            lambda key: bundles.submit(requester=person, asked=asked, via=Via.API, idempotency=key)[0].pk,
        )
        address = request.build_absolute_uri(reverse("api:bundle", args=[done.object_id]))
        return Response(_told(person, done.object_id), status=201, headers={"Location": address})


class OneBundle(Endpoint):
    """Looking."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="bundles_retrieve",
        tag=TAG,
        summary="Look at what was asked together",
        description="Its access requests, as far as you may see them.",
        answers={200: BundleShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return Response(_told(person_of(request), id))


class ApproveBundle(Endpoint):
    """One yes to several."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="bundles_approve",
        tag=TAG,
        summary="Approve several at once",
        description="Gives your approval to each request that you name, in the revision that you read; to all or none.",
        body=bodies.ApprovalOfSeveral,
        answers={200: BundleShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"Two of them": {"requests": [{"id": 7, "revision": 1}, {"id": 8, "revision": 1}]}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, bundles.approve, bodies.ApprovalOfSeveral)


class DenyBundle(Endpoint):
    """One no to several."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="bundles_deny",
        tag=TAG,
        summary="Deny several at once",
        description="Ends each request that you name, in the revision that you read; all or none.",
        body=bodies.DenialOfSeveral,
        answers={200: BundleShape},
        problems=["refused", "not_found", "illegal_move", "stale_revision"],
        examples={"Both": {"requests": [{"id": 7, "revision": 1}, {"id": 8, "revision": 1}], "reason": "Ask for dev."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _decided(request, id, bundles.deny, bodies.DenialOfSeveral)
