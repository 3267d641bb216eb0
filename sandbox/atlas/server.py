"""The HTTP server of the stand-in: signs in, goes wrong when told to, counts, finds the operation, and answers.

It routes on the path as it was sent, so that %2F inside a name stays there, and listens on loopback only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from http.server import ThreadingHTTPServer

from sandbox.atlas.buckets import Buckets
from sandbox.atlas.control import Control
from sandbox.atlas.credentials import REVOKE_PATH, TOKEN_PATH, Credentials, Tokens
from sandbox.atlas.digest import Digest
from sandbox.atlas.faults import AFTER, BEFORE, Overlaps, after, before
from sandbox.atlas.handler import Call, Handler, dressed, json_body
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.rights import check_rights
from sandbox.atlas.routes import Route
from sandbox.atlas.wire import API, Answer, AtlasError, Request, decoded
from sandbox.faults import Fault, Faults

LOOPBACK = "127.0.0.1"
_TOKENS = "tokens.json"
# What must not be written by two at a time, and what the second one is told.
_ONE_AT_A_TIME = {
    "/groups/{groupId}/accessList": "UNEXPECTED_ERROR",
    "/groups/{groupId}/customDBRoles": "AUTOMATION_CONFIG_CONCURRENT_MODIFICATION",
}


class _Handler(Handler):
    server: AtlasServer

    def reply(self, call: Call) -> Answer:
        return self.server.answer(call)

    @property
    def control(self) -> Control:
        return self.server.control


class AtlasServer(ThreadingHTTPServer):
    """One organisation behind one port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int, organisation: Organisation, routes: Sequence[Route], control_token: str) -> None:
        self.organisation = organisation
        self.routes = routes
        tokens = Tokens(
            accounts=organisation.accounts,
            settings=organisation.settings,
            kept_in=organisation.directory / _TOKENS if organisation.directory is not None else None,
        )
        self.credentials = Credentials(tokens=tokens, digest=Digest(accounts=organisation.accounts))
        self.faults = Faults(kinds=(*BEFORE, *AFTER))
        self.buckets = Buckets()
        self.overlaps = Overlaps()
        self.control = Control(
            token=control_token,
            organisation=organisation,
            faults=self.faults,
            buckets=self.buckets,
            tokens=tokens,
        )
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def answer(self, call: Call) -> Answer:
        """The whole way of one call.

        :raises AtlasError: it is refused.
        :raises Unauthenticated: nobody signed in.
        :raises Dropped: the connection has to end.
        """
        if call.path in (TOKEN_PATH, REVOKE_PATH):
            return self._answer_oauth(call)
        segments, api = decoded(call.path), decoded(API)
        if segments[: len(api)] != api:
            raise AtlasError("RESOURCE_NOT_FOUND", call.path)
        call.account = self.credentials.account(
            method=call.method, target=call.target, headers=call.headers, peer=call.peer
        )
        fault = self.faults.take(method=call.method, path=call.path, account=call.account.key)
        route, parameters = self._route(call, segments[len(api) :])
        before(fault, template=route.template, buckets=self.buckets)
        left = self.buckets.take(template=route.template, parameters=parameters, key=call.account.key)
        try:
            return self._carry_out(call, route, parameters, fault=fault, headers=left)
        except AtlasError as error:
            error.headers.update(left)
            raise

    def _answer_oauth(self, call: Call) -> Answer:
        if call.method != "POST":
            raise AtlasError("METHOD_NOT_ALLOWED", call.method)
        fault = self.faults.take(method=call.method, path=call.path, account=None)
        before(fault, template=call.path, buckets=self.buckets)
        tokens = self.credentials.tokens
        if call.path == TOKEN_PATH:
            answer = tokens.mint(headers=call.headers, body=call.content, peer=call.peer)
        else:
            answer = tokens.revoke(headers=call.headers, body=call.content)
        after(fault)
        return answer

    def _route(self, call: Call, segments: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
        found = [(route, route.match(segments)) for route in self.routes]
        for route, parameters in found:
            if parameters is not None and route.method == call.method:
                return route, parameters
        if any(parameters is not None for _, parameters in found):
            raise AtlasError("METHOD_NOT_ALLOWED", call.method)
        raise AtlasError("RESOURCE_NOT_FOUND", call.path)

    def _carry_out(
        self, call: Call, route: Route, parameters: dict[str, str], *, fault: Fault | None, headers: dict[str, str]
    ) -> Answer:
        version = route.agreed_version(call.headers.get("accept", ""))
        call.body = json_body(call)
        if call.account is None:
            raise AtlasError("USER_UNAUTHORIZED")
        request = Request(
            method=call.method,
            path=call.path,
            parameters=parameters,
            query=call.query,
            headers=call.headers,
            body=call.body,
            peer=call.peer,
            origin=self.origin,
            account=call.account,
            version=version,
        )
        with self.organisation.lock:
            check_rights(
                route=route,
                parameters=parameters,
                account=call.account,
                organisation_id=self.organisation.id,
                projects=self.organisation.projects,
            )
        answer = self._apart(request, route)
        after(fault)
        return dressed(answer, request, route, headers)

    def _apart(self, request: Request, route: Route) -> Answer:
        """Run the operation; writes of one list, or of one project's roles, at the same time fail where that is set."""
        what = next((each for each in _ONE_AT_A_TIME if route.template.startswith(each)), None)
        if route.method == "GET" or what is None:
            return self._run(request, route)
        place = what.format_map(request.parameters)
        alone = self.overlaps.begin(place)
        try:
            if not alone and self.organisation.settings.overlap_fails:
                raise AtlasError(_ONE_AT_A_TIME[what])
            time.sleep(self.organisation.settings.access_list_write_seconds)
            return self._run(request, route)
        finally:
            if alone:
                self.overlaps.finish(place)

    def _run(self, request: Request, route: Route) -> Answer:
        """What was changed is on disk before the answer, or the fault after it, goes out."""
        with self.organisation.lock if route.method == "GET" else self.organisation.changing():
            return route.function(self.organisation, request)
