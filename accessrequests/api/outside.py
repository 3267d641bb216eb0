"""What others have and do on a target, for those who watch over it."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.catalogue import TAG
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.filters import Filters
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.outside import LookShape, OtherShape, OutsideChangeShape
from accessrequests.domain.events import Via
from accessrequests.models import Look, Person
from accessrequests.operations import outside as operations
from accessrequests.operations.refusals import Refused
from accessrequests.queries import catalogue, outside, people

_NOT_FOR_ALL = "Only administrators and auditors see what others have on a target. Ask one of them."


class Others(Endpoint):
    """What is there that we did not make."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="targets_others",
        tag=TAG,
        summary="List what others have on a target",
        description="Users, custom roles and entries of the access list that this product did not make, read every ten "
        "minutes. For auditors and administrators.",
        answers={200: page("OtherPage", OtherShape)},
        filters=Filters,
        problems=["not_found", "refused"],
    )
    def get(self, request: Request, slug: str) -> Response:
        check(person_of(request), slug)
        filters_of(request, Filters)
        return page_of(outside.others_of(slug), request, lambda rows: OtherShape(rows, many=True).data)


class Changes(Endpoint):
    """What others changed."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="targets_changes",
        tag=TAG,
        summary="List what others changed on a target",
        description="The target's own events that are none of our doing, as far as it tells them; read each hour, in "
        "the order in which they were read. For auditors and administrators.",
        answers={200: page("OutsideChangePage", OutsideChangeShape)},
        filters=Filters,
        problems=["not_found", "refused"],
    )
    def get(self, request: Request, slug: str) -> Response:
        check(person_of(request), slug)
        filters_of(request, Filters)
        return page_of(outside.changes_of(slug), request, lambda rows: OutsideChangeShape(rows, many=True).data)


class LookNow(Endpoint):
    """Have a target looked at."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="targets_look",
        tag=TAG,
        summary="Have a target looked at now",
        description="Workers compare it with our grants, read what is on it, and what others changed. Within a minute "
        "of the last time nothing more is begun. For administrators.",
        body=bodies.Nothing,
        answers={202: LookShape},
        problems=["not_found", "refused"],
        once=True,
    )
    def post(self, request: Request, slug: str) -> Response:
        person = person_of(request)
        get_object_or_404(catalogue.every_target(), slug=slug)
        body_of(request, bodies.Nothing)
        once(
            request,
            lambda key: operations.look_now(slug=slug, person=person, via=Via.API, idempotency=key)[0].pk,
        )
        asked_at = Look.objects.get(target__slug=slug).asked_at
        return Response(LookShape({"target": slug, "asked_at": asked_at}).data, status=202)


def check(person: Person, slug: str) -> None:
    """:raises Refused: for those who do not watch over it all."""
    get_object_or_404(catalogue.every_target(), slug=slug)
    if not people.may_audit(person):
        raise Refused(_NOT_FOR_ALL)
