"""What the log says of a request: its id, and never what stands behind the question mark, where a provider puts its codes."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware
from typing_extensions import override

from accessrequests import log_lines


class RequestLog(RequestMiddleware):
    """The library's, with the path alone."""

    @override
    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


class RequestId:
    """The first of all: settles the request's id, for our log, for the messages that are filed, and for the client.

    The library reads it from the header that it is sent in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        settled = log_lines.request_id_from(request.META.get("HTTP_X_REQUEST_ID", ""))
        request.META["HTTP_X_REQUEST_ID"] = settled
        response = self.get_response(request)
        response["X-Request-ID"] = settled
        return response
