"""Break the glass, and review what was done."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accessrequests.api import bodies
from accessrequests.api.access_requests import reached_for, told
from accessrequests.api.documenting import documented
from accessrequests.api.endpoint import Endpoint, body_of, person_of
from accessrequests.api.once import once
from accessrequests.api.shapes.access_requests import AccessRequestShape
from accessrequests.domain.events import Event, Via
from accessrequests.domain.reviews import Finding
from accessrequests.models import Person
from accessrequests.operations import break_glass, second_factors
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Refused
from accessrequests.queries import break_glass as rules
from accessrequests.queries import clock
from accessrequests.queries.asks import Asked, Invalid

TAG = "Break-glass"
_EXAMPLE = {
    "The glass of shop-prod": {
        "target": "shop-prod",
        "kind": "database_user",
        "roles": ["readWrite@shop"],
        "duration": "PT1H",
        "reason": "Checkout writes time out since 16:49; the locks must go.",
        "incident": "INC-884",
        "confirm_target": "shop-prod",
        "second_factor": "123456",
    }
}


class BreakGlass(Endpoint):
    """Access first, review after."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="break_glass_create",
        tag=TAG,
        summary="Break the glass",
        description="Access at once, for yourself, where the policy names you: nobody approves it, everybody whom the "
        "policy names is told, and somebody else reviews it. `confirm_target` repeats the target, `second_factor` is a "
        "code that your app shows now (or a recovery code); each counts once. `state` is `approved`, or `pending` where "
        "a second person has to agree first. The `grant` is followed, revealed and ended like every other.",
        body=bodies.BreakGlass,
        answers={201: AccessRequestShape},
        problems=["refused", "not_ready"],
        examples=_EXAMPLE,
        once=True,
    )
    def post(self, request: Request) -> Response:
        person, said = person_of(request), body_of(request, bodies.BreakGlass)
        more = {name: said.pop(name) for name in ("incident", "confirm_target", "second_factor")}
        is_drill = said.pop("is_drill", False)
        asked = bodies.asked(said)
        done = once(request, lambda key: _broken(person, asked, more, is_drill=is_drill, key=key))
        address = request.build_absolute_uri(reverse("api:access_request", args=[done.object_id]))
        return told(request, done.object_id, status=201, headers={"Location": address})


class ReviewBreakGlass(Endpoint):
    """What somebody else found."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="break_glass_review",
        tag=TAG,
        summary="Review a break-glass",
        description="By another person of those whom the policy named as reviewers, once the access is over.",
        body=bodies.Review,
        answers={200: AccessRequestShape},
        problems=["refused", "not_found", "not_ready", "illegal_move"],
        examples={"A review": {"finding": "real", "note": "The locks were cleared; I have read the server's log."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        reviewer = person_of(request)
        is_break_glass = reached_for(reviewer, id).is_break_glass
        said = body_of(request, bodies.Review)
        if not is_break_glass:
            raise Refused("This request is no break-glass, so there is nothing to review.")
        done = once(
            request,
            lambda key: (
                break_glass.review(
                    access_request_id=id,
                    reviewer=reviewer,
                    via=Via.API,
                    finding=Finding(said["finding"]),
                    note=said["note"],
                    idempotency=key,
                ).pk
            ),
        )
        return told(request, done.object_id)


def _broken(person: Person, asked: Asked, more: dict[str, str], *, is_drill: bool, key: Idempotency | None) -> int:
    """Everything that can be wrong is said before the code is used up."""
    considered = rules.consider(person=person, asked=asked, incident=more["incident"], at=clock.now()).considered
    if more["confirm_target"] != asked.target:
        raise Invalid({"confirm_target": [f"Type the name of the target as it is: {asked.target}."]})
    subject = f"target/{considered.target.slug}"
    if not considered.verdict.allowed:
        first = considered.verdict.refusals[0]
        raise Refused(first.sentence, rule=first.rule, event=Event.BREAKGLASS_REFUSED, subject=subject)
    proof = second_factors.prove(person=person, code=more["second_factor"], subject=subject)
    return break_glass.request(
        person=person,
        asked=asked,
        incident=more["incident"],
        confirm_target=more["confirm_target"],
        proof=proof,
        via=Via.API,
        is_drill=is_drill,
        idempotency=key,
    ).pk
