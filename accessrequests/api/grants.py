"""Look at access, have its password once, and end it."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.filters import GrantFilters, narrowed
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.grants import GrantShape, RevealShape, shown
from accessrequests.domain.events import Via
from accessrequests.models import Grant, Person
from accessrequests.operations import credentials, extensions, grants
from accessrequests.operations.credentials import Revealed
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Gone, NotYours
from accessrequests.queries import grants as grant_queries

TAG = "Grants"


def seen(person: Person, pk: int) -> Grant:
    """:raises Http404: also when it is there, but not this person's to see."""
    return get_object_or_404(grant_queries.visible_to(person), pk=pk)


def reached_for(person: Person, pk: int) -> Grant:
    """As `seen`, for those who want the password: a hand stretched out for another's is worth keeping.

    :raises NotYours: when it is there, but not this person's to see.
    """
    found = grant_queries.visible_to(person).filter(pk=pk).first()
    if found is None:
        raise NotYours(get_object_or_404(Grant, pk=pk), "Somebody reached for a password that is not theirs.")
    return found


def to_end(person: Person, pk: int) -> Grant:
    """As `seen`, for those who want to end it: whoever tries it blindly is recorded.

    :raises NotYours: when it is there, but not this person's to see.
    """
    found = grant_queries.visible_to(person).filter(pk=pk).first()
    if found is None:
        raise NotYours(get_object_or_404(Grant, pk=pk))
    return found


def told(request: Request, pk: int, *, status: int = 200) -> Response:
    """The grant as it is now."""
    (answer,) = shown([seen(person_of(request), pk)])
    return Response(answer, status=status)


class Grants(Endpoint):
    """The list."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="grants_list",
        tag=TAG,
        summary="List grants",
        description="Your own, those of requests that your groups may decide on, and all of them for auditors and "
        "administrators. Newest first.",
        answers={200: page("GrantPage", GrantShape)},
        filters=GrantFilters,
    )
    def get(self, request: Request) -> Response:
        filters = narrowed(filters_of(request, GrantFilters), "state")
        ways = [way.filter(**filters) for way in grant_queries.ways_to_see(person_of(request))]
        return page_of(grant_queries.as_shown(), request, shown, ways=ways)


class OneGrant(Endpoint):
    """One grant."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="grants_retrieve",
        tag=TAG,
        summary="Look at a grant",
        description="Poll this after an approval: once `credential` is `ready`, reveal it. `active` means that a real "
        "check against the target passed; `revoked` that the target no longer has it. `gates` carry the evidence.",
        answers={200: GrantShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return told(request, id)


class Reveal(Endpoint):
    """The password, once."""

    scopes = {"POST": "reveal"}

    @documented(
        scope="reveal",
        operation_id="grants_reveal",
        tag=TAG,
        summary="Have the password, once",
        description="For the holder. 409 `not_ready` until the access is live, 410 `gone` once it was shown, erased "
        "(15 minutes after it was ready) or ended; `rotate/` makes a new one.",
        body=bodies.Nothing,
        answers={200: RevealShape},
        problems=["refused", "not_found", "not_ready", "gone"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person, revealed = person_of(request), list[Revealed]()
        reached_for(person, id)
        body_of(request, bodies.Nothing)

        def carry_out(key: Idempotency | None) -> int:
            revealed.append(credentials.reveal(grant_id=id, person=person, via=Via.API, idempotency=key))
            return id

        if once(request, carry_out).repeated:
            raise Gone(
                "This password was shown to the first call with this Idempotency-Key. POST rotate/ for a new one."
            )
        return Response(RevealShape(revealed[0]).data)


class Rotate(Endpoint):
    """A new password."""

    scopes = {"POST": "reveal"}

    @documented(
        scope="reveal",
        operation_id="grants_rotate",
        tag=TAG,
        summary="Have a new password made",
        description="For the holder of a live grant. The old one works until the target has the new one; then "
        "`credential` is `ready` again.",
        body=bodies.Nothing,
        answers={202: GrantShape},
        problems=["refused", "not_found", "not_ready", "gone"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        reached_for(person, id)
        body_of(request, bodies.Nothing)
        done = once(
            request, lambda key: credentials.rotate(grant_id=id, person=person, via=Via.API, idempotency=key).pk
        )
        return told(request, done.object_id, status=202)


class Release(Endpoint):
    """The holder gives it back."""

    scopes = {"POST": "end"}

    @documented(
        scope="end",
        operation_id="grants_release",
        tag=TAG,
        summary="Give your access back",
        description="For the holder. The access is cut off at once; the grant is `revoked` when the target confirms "
        "that nothing of it is left.",
        body=bodies.Nothing,
        answers={202: GrantShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        holder = person_of(request)
        to_end(holder, id)
        body_of(request, bodies.Nothing)
        done = once(request, lambda key: grants.release(grant_id=id, holder=holder, via=Via.API, idempotency=key).pk)
        return told(request, done.object_id, status=202)


class Extend(Endpoint):
    """The holder needs it for longer."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="grants_extend",
        tag=TAG,
        summary="Ask for more time",
        description="For the holder of a live grant. It is judged like a new ask, by the stricter of the policy that the "
        "grant was given under and today's: whoever had to approve approves again. `expires_at` moves once the target "
        "has the new end, until then `extension` tells where it stands. 403 `refused` over the policy's total, and with "
        "less than a minute left.",
        body=bodies.Extension,
        answers={202: GrantShape},
        problems=["refused", "not_found", "not_ready", "illegal_move"],
        examples={"An hour more": {"duration": "PT1H", "reason": "The restore takes longer than we thought."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        holder = person_of(request)
        seen(holder, id)
        said = body_of(request, bodies.Extension)
        done = once(
            request, lambda key: extensions.ask(grant_id=id, holder=holder, via=Via.API, idempotency=key, **said).pk
        )
        return told(request, done.object_id, status=202)


class Revoke(Endpoint):
    """Somebody else ends it."""

    scopes = {"POST": "end"}

    @documented(
        scope="end",
        operation_id="grants_revoke",
        tag=TAG,
        summary="End somebody's access",
        description="For administrators and those who may decide on its request. The access is cut off at once.",
        body=bodies.Revocation,
        answers={202: GrantShape},
        problems=["refused", "not_found", "illegal_move"],
        examples={"An end": {"reason": "The ticket was closed."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        to_end(person, id)
        said = body_of(request, bodies.Revocation)
        done = once(
            request, lambda key: grants.revoke(grant_id=id, person=person, via=Via.API, idempotency=key, **said).pk
        )
        return told(request, done.object_id, status=202)
