"""Bodies: JSON objects only, read strictly, and never more than the limit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, NoReturn

from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accessrequests.api.problems import Malformed, TooLarge

LIMIT = 256 * 1024
LONGEST_NAME = 60
MOST_DRAINED = 64 * 1024 * 1024
_TOO_LARGE = "A body may have up to 256 kB. Say it shorter."
_MALFORMED = 'The body is not a JSON object. Send one, like {"reason": "…"}, in UTF-8.'


class StrictJSONParser(BaseParser):
    """RFC 8259 without the extras of Python: no NaN, no repeated names, and an object at the top."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = stream.read(LIMIT + 1)
        if len(raw) > LIMIT:
            raise TooLarge(_TOO_LARGE)
        return parsed(raw)


def parsed(raw: bytes) -> dict[str, Any]:
    """:raises Malformed: for all that is not exactly one JSON object, bombs included."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # a number of over 4,300 digits is a ValueError too
        raise Malformed(_MALFORMED) from error
    if not isinstance(found, dict):
        raise Malformed(_MALFORMED)
    return found


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise Malformed(f"The name {json.dumps(twice[:LONGEST_NAME])} stands twice in one object. Send it once.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON. Send a number, or null.")


def with_known_length(request: HttpRequest) -> HttpRequest:
    """Give a body that came in chunks its length, because Django reads no body without one.

    :raises TooLarge: when the body is over the limit, by what it says or by what it is.
    """
    environ = request.META
    if _declared(request) > LIMIT:
        _drain(environ["wsgi.input"], _declared(request))
        raise TooLarge(_TOO_LARGE)
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read(LIMIT + 1)
        if len(body) > LIMIT:
            _drain(environ["wsgi.input"], MOST_DRAINED)
            raise TooLarge(_TOO_LARGE)
        request._body = body  # noqa: SLF001 - where HttpRequest.body keeps it
        request._read_started = True  # type: ignore[attr-defined]  # noqa: SLF001
        environ["CONTENT_LENGTH"] = str(len(body))
    return request


def _drain(stream: IO[bytes], most: int) -> None:
    """Throw away what still comes: who is hung up on while sending never reads the answer. Not without end, though."""
    left = min(most, MOST_DRAINED)
    while left > 0:
        piece = stream.read(min(left, LIMIT))
        if not piece:
            return
        left -= len(piece)


def _declared(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


class AlwaysJSON(BaseContentNegotiation):
    """One format in and out: what the caller would accept is not asked, so nobody gets a 406 for a header."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)
