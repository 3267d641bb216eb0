"""Every error as RFC 9457 problem+json. This is the only place that knows which exception means which answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from accessrequests.domain.events import Via
from accessrequests.models import Person
from accessrequests.operations import refusals
from accessrequests.operations.quarantined import Quarantined
from accessrequests.queries import people
from accessrequests.queries.asks import Invalid, NotReadYet

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
BROKEN = 500
NOTHING_HERE = "There is nothing at this address, or it is not yours to see. Addresses end with a slash."
HOW_TO_SAY = (
    "Send a personal token in the header `Authorization: Bearer TOKEN`; people make theirs on the Account page."
)
TITLES: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "This is not a JSON object."),
    "unauthenticated": (401, "Say who you are."),
    "refused": (403, "The policy says no."),
    "scope": (403, "This token may not do that."),
    "not_found": (404, "There is nothing here."),
    "method_not_allowed": (405, "This address does not take that method."),
    "illegal_move": (409, "It is too late for that."),
    "stale_revision": (409, "The request was edited."),
    "not_ready": (409, "It is not ready yet."),
    "gone": (410, "It is gone."),
    "too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "This is not JSON."),
    "invalid": (422, "Something in it is wrong."),
    "slow_down": (429, "Slow down."),
    "broken": (500, "Something broke on our side."),
    "unavailable": (503, "We cannot work right now."),
}


class Malformed(Exception):
    """The body is not JSON, or not a JSON object."""


class TooLarge(Exception):
    """The body is over the limit."""


class MissingScope(Exception):
    """The token is a good one, but not for this."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer that is not what was asked for."""

    code: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return TITLES[self.code][0]

    def body(self) -> dict[str, Any]:
        status, title = TITLES[self.code]
        fixed = {"type": f"urn:access-requests:{self.code}", "title": title, "status": status, "code": self.code}
        return {**fixed, "detail": self.detail, **self.more}


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    request = context["request"]
    _keep(error, getattr(request, "user", None))
    problem = problem_of(error)
    if problem.status >= BROKEN:
        log.error("unexpected", exc_info=error, path=request.path)
    return Response(
        problem.body(), status=problem.status, headers=dict(problem.headers), content_type=MEDIA_TYPE, exception=True
    )


def plain_answer(problem: Problem) -> JsonResponse:
    """The same outside of DRF, for addresses that no view has."""
    return JsonResponse(problem.body(), status=problem.status, headers=dict(problem.headers), content_type=MEDIA_TYPE)


def problem_of(error: BaseException | None) -> Problem:
    """What to tell the caller about an exception."""
    for kind, told in _TOLD.items():
        if isinstance(error, kind):
            problem: Problem = told(error)
            return problem
    return Problem("broken", "It has been noted. Try again, and tell your administrators if it stays.")


def _keep(error: Exception, user: object) -> None:
    """Record those refusals that are worth keeping, in a transaction of their own."""
    refused = error.refused if isinstance(error, refusals.NotYours) else error
    if isinstance(refused, refusals.Refused) and isinstance(user, Person):
        refusals.record_refusal(refused=refused, actor=people.actor_of(user, Via.API))


def _refused(error: Any) -> Problem:
    rule = getattr(error, "rule", "")
    return Problem("refused", str(error), more={"rule": rule} if rule else {})


def _illegal_move(error: Any) -> Problem:
    winner = {"person": error.person, "what": error.what, "at": moment(error.at)}
    return Problem("illegal_move", str(error), more={"winner": winner})


def _invalid(error: Any) -> Problem:
    return Problem("invalid", "Correct what errors names, and send it again.", more={"errors": error.errors})


def _validation(error: Any) -> Problem:
    return _invalid(Invalid(sentences_of(error.detail)))


def _unauthenticated(error: Any) -> Problem:
    sentence = f"{error.detail} {HOW_TO_SAY}"
    return Problem("unauthenticated", sentence, headers={"WWW-Authenticate": error.auth_header})


def _slow_down(error: Any) -> Problem:
    wait = str(max(1, round(error.wait or 1)))
    return Problem("slow_down", f"Too many calls. Try again in {wait} s.", headers={"Retry-After": wait})


def _method(_error: Any) -> Problem:
    return Problem("method_not_allowed", "See the schema at /api/v1/schema/ for the methods of this address.")


def _media_type(_error: Any) -> Problem:
    return Problem("unsupported_media_type", "Send the body as application/json.")


def _not_found(_error: Any) -> Problem:
    return Problem("not_found", NOTHING_HERE)


def _unavailable(_error: Any) -> Problem:
    sentence = "The database does not answer. Access that was given still ends on time once it is back. Try again."
    return Problem("unavailable", sentence)


def _spent(error: Any) -> Problem:
    return Problem("gone", f"{error} POST rotate/ makes it.")


def _said(code: str) -> Any:
    return lambda error: Problem(code, str(error))


_TOLD: Mapping[type[Exception], Any] = {
    Malformed: _said("malformed"),
    exceptions.ParseError: _said("malformed"),
    exceptions.NotAuthenticated: _unauthenticated,
    exceptions.AuthenticationFailed: _unauthenticated,
    MissingScope: _said("scope"),
    refusals.Refused: _refused,
    NotReadYet: _refused,
    exceptions.PermissionDenied: _refused,
    PermissionDenied: _refused,
    refusals.NotYours: _not_found,
    Http404: _not_found,
    exceptions.NotFound: _not_found,
    exceptions.MethodNotAllowed: _method,
    refusals.IllegalMove: _illegal_move,
    refusals.StaleRevision: _said("stale_revision"),
    refusals.NotReady: _said("not_ready"),
    refusals.Spent: _spent,
    refusals.Gone: _said("gone"),
    TooLarge: _said("too_large"),
    exceptions.UnsupportedMediaType: _media_type,
    Invalid: _invalid,
    exceptions.ValidationError: _validation,
    exceptions.Throttled: _slow_down,
    Quarantined: _said("unavailable"),
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
}


def sentences_of(detail: Any) -> dict[str, list[str]]:
    """DRF's nested details as one list of sentences a field."""
    fields = detail if isinstance(detail, dict) else {"body": detail}
    return {str(name): list(dict.fromkeys(_flat(inner))) for name, inner in fields.items()}


def _flat(detail: Any) -> Sequence[str]:
    if isinstance(detail, dict):
        return [sentence for inner in detail.values() for sentence in _flat(inner)]
    if isinstance(detail, list | tuple):
        return [sentence for inner in detail for sentence in _flat(inner)]
    return [str(detail)]


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, as every answer writes a moment."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
