"""While somebody is away: who answers requests in whose place, until when."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.fields import Moment, Strict, Text
from accessrequests.api.filters import Filters
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.delegations import DelegationShape
from accessrequests.domain.delegating import LONGEST
from accessrequests.domain.events import Via
from accessrequests.operations import delegations as verbs
from accessrequests.queries import delegations

TAG = "Access requests"
_AWAY = {"Two weeks off": {"stand_in": "bob", "ends_at": "2030-02-14T09:00:00Z"}}


class Delegate(Strict):
    """Who answers, and until when."""

    stand_in = Text(max_length=64, help_text="The user name of who answers in your place.")
    starts_at = Moment(required=False, allow_null=True, help_text="At once when left out.")
    ends_at = Moment(help_text=f"It ends by itself then; at most {LONGEST.days} days after it begins.")


def _told(request: Request, pk: int, **more: Any) -> Response:
    found = get_object_or_404(delegations.visible_to(person_of(request)), pk=pk)
    return Response(DelegationShape(found).data, **more)


class Delegations(Endpoint):
    """Looking, and lending one's voice."""

    scopes = {"GET": "read", "POST": "decide"}

    @documented(
        scope="read",
        operation_id="delegations_list",
        tag=TAG,
        summary="List who answers for whom",
        description="Those that you gave or were given, newest first; auditors and administrators see all.",
        filters=Filters,
        answers={200: page("DelegationPage", DelegationShape)},
    )
    def get(self, request: Request) -> Response:
        filters_of(request, Filters)
        found = delegations.visible_to(person_of(request))
        return page_of(found, request, lambda rows: DelegationShape(rows, many=True).data)

    @documented(
        scope="decide",
        operation_id="delegations_create",
        tag=TAG,
        summary="Let somebody answer in your place",
        description="While it runs they may answer the access requests that you could answer, unless one of you would "
        "gain by it or you have answered. Yours stays one voice, and they fill one place only. It cannot be passed on, "
        "and two people cannot stand in for each other at the same time. Both of you are told by mail.",
        body=Delegate,
        answers={201: DelegationShape},
        problems=["refused"],
        examples=_AWAY,
        once=True,
    )
    def post(self, request: Request) -> Response:
        said = body_of(request, Delegate)
        done = once(
            request,
            lambda key: verbs.delegate(giver=person_of(request), via=Via.API, idempotency=key, **said).pk,
        )
        return _told(request, done.object_id, status=201)


class EndDelegation(Endpoint):
    """Ending it before its time."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="delegations_end",
        tag=TAG,
        summary="End a delegation now",
        description="For whoever lent the voice, whoever was lent it, and administrators. What was answered stands.",
        body=bodies.Nothing,
        answers={200: DelegationShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        get_object_or_404(delegations.visible_to(person), pk=id)
        body_of(request, bodies.Nothing)
        done = once(
            request,
            lambda key: verbs.end(delegation_id=id, person=person, via=Via.API, idempotency=key).pk,
        )
        return _told(request, done.object_id)
