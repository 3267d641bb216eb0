"""The one address that Slack calls: who signed it, whether it came before, whose workspace it is of, then what to do."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accessrequests.operations import slack_arrivals
from accessrequests.queries import clock
from accessrequests.slack import arrival as arrivals
from accessrequests.slack import dispatch, signature


@csrf_exempt
def events(request: HttpRequest) -> HttpResponse:
    """Refusals have no body, and nothing of what was sent is logged or stored."""
    if not settings.ACCESS_SLACK or settings.ACCESS_SLACK_MODE != "http":
        raise Http404
    if request.method != "POST":
        return HttpResponse(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
    try:
        body = request.body
    except RequestDataTooBig:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    signed = request.headers.get("X-Slack-Signature", "")
    why_not = signature.why_not(
        body=body,
        timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
        signature=signed,
        secrets=settings.ACCESS_SLACK_SIGNING_SECRETS,
        now=clock.now().timestamp(),
    )
    if why_not:
        return _rejected("signature", why_not, HTTPStatus.UNAUTHORIZED)
    try:
        arrival = arrivals.read(body, content_type=request.content_type or "")
        if arrival.kind == "url_verification":
            return JsonResponse({"challenge": arrival.text("challenge")})
        arrivals.check_home(arrival)
    except arrivals.Unreadable:
        return _rejected("body", "it could not be read", HTTPStatus.UNAUTHORIZED)
    except arrivals.Foreign as error:
        return _rejected("workspace", str(error), HTTPStatus.FORBIDDEN)
    answer = dispatch.once(arrival, call=signed)
    return HttpResponse(status=HTTPStatus.OK) if answer is None else JsonResponse(answer)


def _rejected(what: str, why: str, status: HTTPStatus) -> HttpResponse:
    slack_arrivals.note_rejected(what=what, why=why)
    return HttpResponse(status=status)
