"""What the log says of a request: never what stands behind the question mark, where a provider puts its codes."""

from __future__ import annotations

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware
from typing_extensions import override


class RequestLog(RequestMiddleware):
    """The library's, with the path alone."""

    @override
    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
