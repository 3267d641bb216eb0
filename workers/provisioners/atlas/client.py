"""The client of the Atlas Administration API: one bounded call at a time, and no retry that could do something twice."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import httpx2

from workers.provisioners.atlas import budget
from workers.provisioners.atlas.budget import Limits, SharedLimits, Urgency
from workers.provisioners.atlas.failures import AtlasFailure, Refusal
from workers.provisioners.atlas.steps import seconds_left, timeouts
from workers.provisioners.atlas.tokens import ServiceAccount
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

PAGE = 500  # the most that Atlas gives at once

_BASE = "/api/atlas/v2"
_LEAST_SECONDS = 0.2
_NEXT_STEP = 1.0
NO_TIME_LEFT = "Atlas answers, and there was no time left for all that is to be asked at once. It is tried again."
_PEM = "-----BEGIN "
Query = Mapping[str, str | Sequence[str]]


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"
    DELETE = "DELETE"

    @property
    def is_safe(self) -> bool:
        """Whether a second call does no more than the first."""
        return self in {Method.GET, Method.DELETE}


class Calls(Protocol):
    """What is needed of a client to work on a project."""

    def call(
        self,
        method: Method,
        segments: Sequence[str],
        *,
        version: str,
        urgency: Urgency,
        verb: str = "",
        query: Query | None = None,
        body: Any = None,
    ) -> Any:
        """What Atlas answers."""

    def pages(
        self, segments: Sequence[str], *, version: str, urgency: Urgency, query: Query | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a list."""

    def clock_skew(self) -> float:
        """Atlas's clock minus ours in seconds."""

    def close(self) -> None:
        """Let go of connections."""


class SignsIn(Protocol):
    """Makes what signs each call in an account's name."""

    def __call__(self, *, client: httpx2.Client, base_url: str, login: AtlasLogin) -> httpx2.Auth: ...


class AtlasClient:
    """Threads may share one. Limits and tokens are those that all workers share, unless others are named."""

    def __init__(
        self, *, record: AtlasRecord, limits: Limits | None = None, signs_in: SignsIn = ServiceAccount
    ) -> None:
        self._limits = limits or SharedLimits(record.slug)
        self._signs_in = signs_in
        self._base_url = record.base_url
        self._login = record.login
        self._skew = 0.0
        self._of_thread = threading.local()
        self._http = httpx2.Client(
            verify=_trust(record),
            # In the sandbox nothing leaves loopback, and so nothing goes by a proxy that the environment names.
            trust_env=record.base_url.startswith("https:"),
            follow_redirects=False,
            headers={"User-Agent": "access-requests"},
        )

    def call(
        self,
        method: Method,
        segments: Sequence[str],
        *,
        version: str,
        urgency: Urgency,
        verb: str = "",
        query: Query | None = None,
        body: Any = None,
    ) -> Any:
        """What Atlas answers: decoded JSON, text where it answers with a PEM file, None where there is nothing.

        `verb` is what follows the last segment after a colon, as in users/{id}:addRole.

        :raises AtlasFailure: it was not done, or nobody knows.
        """
        bucket = budget.bucket_of(segments)
        self._limits.check(bucket=bucket, urgency=urgency, is_safe=method.is_safe)
        media = f"application/vnd.atlas.{version}+json"
        request = self._http.build_request(
            method.value,
            self._base_url + _path(segments, verb) + (f"?{urlencode(query, doseq=True)}" if query else ""),
            headers={"Accept": media} | ({} if body is None else {"Content-Type": media}),
            content=None if body is None else json.dumps(body).encode(),
        )
        if seconds_left() < _LEAST_SECONDS:
            # Atlas has answered all that was asked, so nobody must take it for away.
            raise AtlasFailure(NO_TIME_LEFT, retry_after=_NEXT_STEP)
        answer = self._sent(request, bucket=bucket, urgency=urgency)
        is_again = isinstance(answer, AtlasFailure) and answer.unreachable and not answer.retry_after
        if is_again and method.is_safe and seconds_left() >= _LEAST_SECONDS:
            answer = self._sent(request, bucket=bucket, urgency=urgency)
        if isinstance(answer, AtlasFailure):
            raise answer
        return _content(answer)

    def pages(
        self, segments: Sequence[str], *, version: str, urgency: Urgency, query: Query | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        number = 1
        while True:
            paged = {**(query or {}), "itemsPerPage": str(PAGE), "pageNum": str(number), "includeCount": "false"}
            page = self.call(Method.GET, segments, version=version, urgency=urgency, query=paged)
            rows = page["results"]
            yield from rows
            has_next = any(link.get("rel") == "next" for link in page.get("links", ()))
            if not rows or not (has_next or len(rows) >= PAGE):
                return
            number += 1

    def clock_skew(self) -> float:
        """Atlas's clock minus ours in seconds, by its last answer, which tells whole seconds."""
        return self._skew

    def close(self) -> None:
        self._http.close()

    def _sent(self, request: httpx2.Request, *, bucket: str, urgency: Urgency) -> httpx2.Response | AtlasFailure:
        """A good answer, or the failure that came of it. What the library raises holds the request and its secrets."""
        is_safe = Method(request.method).is_safe
        request.extensions["timeout"] = timeouts()
        try:
            answer = self._http.send(request, auth=self._auth())
        except AtlasFailure as error:
            return _bare(error)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return AtlasFailure("Atlas cannot be reached.", unreachable=True)
        except httpx2.HTTPError:
            return AtlasFailure("Atlas did not answer in time.", unreachable=True, outcome_unknown=not is_safe)
        self._read_clock(answer)
        if answer.is_success:
            self._limits.note(bucket=bucket, headers=answer.headers)
            return answer
        return self._refused(answer, bucket=bucket, urgency=urgency, is_safe=is_safe)

    def _refused(self, answer: httpx2.Response, *, bucket: str, urgency: Urgency, is_safe: bool) -> AtlasFailure:
        refusal = Refusal.of(answer)
        if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = budget.wait_said(answer.headers, unsaid=budget.WAIT_UNSAID)
            self._limits.note(bucket=bucket, headers=answer.headers, wait=wait)
            return self._limits.held(wait, urgency=urgency, code=refusal.code, status=refusal.status)
        self._limits.note(bucket=bucket, headers=answer.headers)
        return refusal.failure(is_safe=is_safe, wait=budget.wait_said(answer.headers, unsaid=0.0))

    def _auth(self) -> httpx2.Auth:
        """One for each thread: the library's digest counts its calls without a lock."""
        known: httpx2.Auth | None = getattr(self._of_thread, "auth", None)
        if known is None:
            login = self._login
            if login.is_api_key:
                known = httpx2.DigestAuth(login.account, login.secret)
            else:
                known = self._signs_in(client=self._http, base_url=self._base_url, login=login)
            self._of_thread.auth = known
        return known

    def _read_clock(self, answer: httpx2.Response) -> None:
        try:
            said = parsedate_to_datetime(answer.headers.get("Date", "")).replace(tzinfo=UTC)
        except ValueError:
            return
        # It names the second that has begun: on average the moment is half a second later.
        self._skew = (said - datetime.now(UTC)).total_seconds() + 0.5


def _path(segments: Sequence[str], verb: str) -> str:
    """:raises AtlasFailure: a segment that no encoding can keep from being read as a step up or as nothing."""
    if any(segment in {"", ".", ".."} for segment in segments):
        raise AtlasFailure("A name in the call is one that no path can hold.", code="INVALID_PATH_PARAMETER")
    encoded = "/".join(quote(segment, safe="") for segment in segments)
    return f"{_BASE}/{encoded}" + (f":{verb}" if verb else "")


def _content(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        text = answer.text
    if text.startswith(_PEM):
        return text  # Atlas calls a certificate and its key JSON, and sends PEM
    raise AtlasFailure("Atlas answered in a form that we do not know.", status=answer.status_code)


def _trust(record: AtlasRecord) -> ssl.SSLContext | bool:
    if not record.base_url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # To read the machine's authorities takes 25 ms, for nothing.
    if not record.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=record.ca_file)
    except (OSError, ssl.SSLError):
        pass
    raise InvalidConnection(f"Target {record.slug}: ca_file holds no certificates. Correct the connection record.")


def _bare(error: AtlasFailure) -> AtlasFailure:
    """Without the frames that it came through, which hold the token."""
    error.__context__ = error.__cause__ = error.__traceback__ = None
    return error
