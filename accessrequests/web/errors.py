"""What a person is told when an answer is no: one page for each kind, and the one place that knows which is which."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accessrequests.domain.events import PRODUCT, Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import Person
from accessrequests.operations import refusals
from accessrequests.operations.quarantined import Quarantined
from accessrequests.queries import people
from accessrequests.queries.asks import Invalid, NotReadYet


@dataclass(frozen=True, slots=True)
class Told:
    """One page: what went wrong, whether anything changed, what to do."""

    status: HTTPStatus
    heading: str
    sentence: str
    next: str = "Nothing was changed."
    at: datetime | None = None


NOT_FOUND = Told(
    HTTPStatus.NOT_FOUND,
    "There is nothing here",
    "The address may be wrong, or what is here is not yours to see.",
)
TOO_OFTEN = Told(
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too much at once",
    "You pressed more often within a second than we take from one person. Wait a moment, then press again.",
)
EXPECTED = (
    refusals.Refused,
    refusals.IllegalMove,
    refusals.StaleRevision,
    refusals.NotReady,
    refusals.Gone,
    refusals.NotYours,
    Quarantined,
    Invalid,
    NotReadYet,
    Http404,
    ObjectDoesNotExist,
    PermissionDenied,
)


def page(request: HttpRequest, told: Told, *, back: str = "", alone: bool = False) -> HttpResponse:
    """`back` is the page on which the person was, if there is one to go back to. `alone`: without the database.

    Who is signed in keeps the frame with its ways out; a part of a page that was asked for by itself gets a note.
    """
    context = {"told": told, "status": told.status.value, "back": back, "reference": _reference(told)}
    if request.headers.get("HX-Request") == "true":
        response = render(request, "errors/_note.html", context, status=told.status)
        response["HX-Retarget"], response["HX-Reswap"] = "#toasts", "innerHTML"
        return response
    known = not alone and isinstance(getattr(request, "user", None), Person)
    frame = "base.html" if known else "errors/_door.html"
    return render(request, "errors/page.html", {**context, "frame": frame, "known": known}, status=told.status)


def too_often(request: HttpRequest, *, back: str) -> HttpResponse:
    """A press too many within a second."""
    response = page(request, TOO_OFTEN, back=back)
    response["Retry-After"] = "1"
    return response


def _reference(told: Told) -> str:
    """What finds it in the log, once something broke."""
    if told.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def expected(request: HttpRequest, error: Exception, *, back: str) -> HttpResponse:
    """The page of a refusal, kept in the audit trail if it is worth keeping."""
    keep(request, error)
    return page(request, told_of(error, me=str(request.user)), back=back)


def keep(request: HttpRequest, error: Exception) -> None:
    """Record those refusals that are worth keeping, in a transaction of their own."""
    refused = error.refused if isinstance(error, refusals.NotYours) else error
    if isinstance(refused, refusals.Refused) and isinstance(request.user, Person):
        refusals.record_refusal(refused=refused, actor=people.actor_of(request.user, Via.WEB))


def told_of(error: Exception, *, me: str = "") -> Told:
    """What to tell about an exception that an operation or a query raised."""
    sentence = str(error)
    told = NOT_FOUND
    match error:
        case refusals.IllegalMove():
            told = Told(HTTPStatus.CONFLICT, _who_was_faster(error, me), sentence, at=error.at)
        case refusals.StaleRevision():
            heading = "It was edited while you were reading"
            told = Told(HTTPStatus.CONFLICT, heading, sentence, "Nothing was decided. Read it again, then decide.")
        case Quarantined() | refusals.NotReady() | NotReadYet():
            told = _not_now(error)
        case refusals.Spent():
            advice = "Nothing was changed. “Make a new password” is on the page of the access."
            told = Told(HTTPStatus.GONE, "It is gone", sentence, advice)
        case refusals.Gone():
            told = Told(HTTPStatus.GONE, "It is gone", sentence)
        case Invalid():
            told = Told(HTTPStatus.UNPROCESSABLE_ENTITY, "Something in it is wrong", sentence)
        case refusals.Refused():
            rule = f" (Rule {error.rule}.)" if error.rule and error.rule not in sentence else ""
            told = Told(HTTPStatus.FORBIDDEN, "This is not yours to do", f"{sentence}{rule}")
        case PermissionDenied():
            told = Told(HTTPStatus.FORBIDDEN, "This is not yours to do", sentence or "Your account may not do this.")
    return told


def _not_now(error: Exception) -> Told:
    if isinstance(error, Quarantined):
        return Told(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing can be changed now", str(error))
    heading = "It is not ready yet" if isinstance(error, refusals.NotReady) else "It cannot be judged yet"
    return Told(HTTPStatus.CONFLICT, heading, str(error))


def _who_was_faster(error: refusals.IllegalMove, me: str) -> str:
    if error.person == me:
        is_answer = error.what in {AccessRequestState.APPROVED, AccessRequestState.DENIED}
        return "You answered this already" if is_answer else "You did this already"
    return "It is too late" if error.person in {PRODUCT, "policy"} else "Somebody was faster"


def method_not_allowed(request: HttpRequest, allowed: tuple[str, ...], *, back: str) -> HttpResponse:
    what = f"It answers to {' and '.join(allowed)}, and your browser sent {request.method}."
    heading = "This address is for a button" if "GET" not in allowed else "This page has no such button"
    told = Told(HTTPStatus.METHOD_NOT_ALLOWED, heading, what, "Nothing was changed. Look at the page and press there.")
    response = page(request, told, back=back)
    response["Allow"] = ", ".join(allowed)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        sentence = "At most 256 kB fit into one form. Shorten what you typed."
        return page(request, Told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "It is too large", sentence))
    sentence = "What your browser sent cannot be understood. Go back, load the page again and repeat it."
    return page(request, Told(HTTPStatus.BAD_REQUEST, "This cannot be read", sentence))


def permission_denied(request: HttpRequest, _exception: Exception | None = None) -> HttpResponse:
    return page(request, told_of(PermissionDenied()))


def not_found(request: HttpRequest, _exception: Exception | None = None) -> HttpResponse:
    return page(request, NOT_FOUND)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Allauth looks for this one as `handler429`."""
    sentence = "Too many attempts came from where you are."
    told = Told(HTTPStatus.TOO_MANY_REQUESTS, "Slow down", sentence, "Nothing was changed. Try again in a minute.")
    response = page(request, told)
    response["Retry-After"] = "60"
    return response


def csrf_failure(request: HttpRequest, **_reason: object) -> HttpResponse:
    """Django looks for this one as `CSRF_FAILURE_VIEW`. A foreign page learns nothing from it."""
    sentence = "It did not come from a page of ours, or that page was older than your sign-in."
    advice = "Nothing was changed. If you pressed the button yourself, load the page again and repeat it."
    return page(request, Told(HTTPStatus.FORBIDDEN, "The form was not accepted", sentence, advice))


def signed_out(request: HttpRequest) -> HttpResponse:
    """For a part of a page whose session is over: the page is loaded again, and leads to the sign-in."""
    sentence = "Your session is over."
    told = Told(HTTPStatus.UNAUTHORIZED, "Sign in again", sentence, "Nothing was changed. Load the page again.")
    return page(request, told, alone=True)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without the database, which may be what is broken."""
    looked_only = request.method in {"GET", "HEAD"}
    kept = "Nothing was changed." if looked_only else "Look at the page before you repeat it: it may have been done."
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        sentence = "The database does not answer. Access that was given still ends on time once it is back."
        told = Told(
            HTTPStatus.SERVICE_UNAVAILABLE, "We cannot work right now", sentence, f"{kept} Try again in a minute."
        )
        response = page(request, told, back=_same_page(request), alone=True)
        response["Retry-After"] = "60"
        return response
    sentence = "Something broke on our side. It has been noted, and your administrators can find it."
    told = Told(HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke", sentence, kept)
    return page(request, told, back=_same_page(request), alone=True)


def _same_page(request: HttpRequest) -> str:
    return request.path if request.method == "GET" else ""
