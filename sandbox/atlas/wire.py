"""What goes over the wire: a request as the resources see it, an answer, an error, and a page of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlencode

from sandbox.atlas.errors import ERRORS

API = "/api/atlas/v2"
_MOST_ITEMS = 500
_USUAL_ITEMS = 100


class AtlasError(Exception):
    """A refusal in Atlas's own words: the code decides status and text (errors.py), the parameters fill the text."""

    def __init__(
        self, code: str, *parameters: Any, status: int | None = None, detail: str | None = None, retry_after: int = 0
    ) -> None:
        usual, template = ERRORS[code]
        self.code = code
        self.parameters = parameters
        self.headers = {"Retry-After": str(retry_after)} if retry_after else {}
        self.status = usual if status is None else status
        self.detail = (template % parameters if parameters else template) if detail is None else detail
        super().__init__(f"{self.status} {code}: {self.detail}")

    def body(self) -> dict[str, Any]:
        return {
            "detail": self.detail,
            "error": self.status,
            "errorCode": self.code,
            "parameters": list(self.parameters),
            "reason": HTTPStatus(self.status).phrase,
        }


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls: a service account (`key` is its client id) or an API key (`key` is its public key).

    `project_roles` maps a project's id to its roles there, such as GROUP_READ_ONLY; `addresses`, if any are listed,
    are the only ones from which it may call.
    """

    key: str
    secrets: tuple[str, ...]
    name: str
    org_roles: tuple[str, ...] = ("ORG_MEMBER",)
    project_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()

    @property
    def is_service_account(self) -> bool:
        return self.key.startswith("mdb_sa_id_")


@dataclass(frozen=True, slots=True)
class Request:
    """One call, after sign-in, version and rights are settled."""

    method: str
    path: str  # As it was sent, still percent-encoded, without the query.
    parameters: Mapping[str, str]  # What the braces of the route's template stand for, decoded.
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]  # By names in small letters.
    body: Any  # Parsed JSON; None without a body.
    peer: str
    origin: str  # Such as http://127.0.0.1:8090: what links begin with.
    account: Account
    version: str  # The version of the resource that was agreed on, such as 2023-01-01.

    @property
    def url(self) -> str:
        return self.origin + self.path

    def first(self, name: str, default: str | None = None) -> str | None:
        return self.query[name][0] if self.query.get(name) else default

    def flag(self, name: str, *, default: bool) -> bool:
        """:raises AtlasError: it is neither true nor false."""
        said = self.first(name)
        if said is None:
            return default
        if said.lower() not in ("true", "false"):
            raise AtlasError("INVALID_QUERY_PARAMETER", name)
        return said.lower() == "true"

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """:raises AtlasError: it is no number, or out of bounds."""
        said = self.first(name)
        if said is None:
            return default
        if not (said.isascii() and said.isdigit() and least <= int(said) <= most):
            raise AtlasError("INVALID_QUERY_PARAMETER", name)
        return int(said)

    def document(self) -> dict[str, Any]:
        """The body, which must be a JSON object.

        :raises AtlasError: it is none.
        """
        if not isinstance(self.body, dict):
            raise AtlasError("INVALID_JSON")
        return self.body

    def link(self, *segments: str, rel: str = "self") -> dict[str, str]:
        """A link to something under the API, each segment encoded as Atlas does: `$` stays as it is."""
        return {"href": self.origin + API + "".join("/" + quote(each, safe="$:@") for each in segments), "rel": rel}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `text` is sent as it is, under the same Content-Type, as Atlas does with certificates."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


Function = Callable[[Any, Request], Answer]


def created(body: Any) -> Answer:
    return Answer(status=HTTPStatus.CREATED, body=body)


def accepted(body: Any) -> Answer:
    """Taken, and carried out later."""
    return Answer(status=HTTPStatus.ACCEPTED, body=body)


def gone() -> Answer:
    """Deleted: no body."""
    return Answer(status=HTTPStatus.NO_CONTENT)


def page(request: Request, results: Sequence[Any], *, counted: bool = True) -> dict[str, Any]:
    """The asked-for page of a whole list, with its links (pageNum, itemsPerPage, includeCount).

    :raises AtlasError: a page or size that is none.
    """
    number = request.number("pageNum", 1, least=1, most=10**9)
    size = request.number("itemsPerPage", _USUAL_ITEMS, least=1, most=_MOST_ITEMS)
    counted = request.flag("includeCount", default=counted)
    links = [_page_link(request, "self", number=number, size=size, counted=counted)]
    if number * size < len(results):
        links.append(_page_link(request, "next", number=number + 1, size=size, counted=counted))
    if number > 1:
        links.append(_page_link(request, "previous", number=number - 1, size=size, counted=counted))
    found: dict[str, Any] = {"links": links, "results": list(results[(number - 1) * size : number * size])}
    if counted:
        found["totalCount"] = len(results)
    return found


def _page_link(request: Request, rel: str, *, number: int, size: int, counted: bool) -> dict[str, str]:
    kept = [
        (name, value)
        for name, values in request.query.items()
        if name not in ("includeCount", "itemsPerPage", "pageNum")
        for value in values
    ]
    asked = [("includeCount", str(counted).lower()), ("itemsPerPage", str(size)), ("pageNum", str(number)), *kept]
    return {"href": f"{request.url}?{urlencode(asked)}", "rel": rel}


def decoded(path: str) -> tuple[str, ...]:
    """The segments of a path as it was sent: split first, decoded after, so that %2F stays inside its segment."""
    return tuple(unquote(segment) for segment in path.strip("/").split("/"))
