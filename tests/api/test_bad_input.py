"""Guards that every endpoint gives the right answer to each kind of bad input, and that none of them changes a row.

A test is one kind of it, at every endpoint: a world is dearer than the answers, and none of them is to change it.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from accessrequests.api.urls import urlpatterns
from accessrequests.domain.events import Via
from accessrequests.operations import people
from accessrequests.queries import people as people_queries
from tests.api.caller import EVERYTHING, ROOT, Caller, ask
from tests.api.world import ENDPOINTS, WITH_BODY, World, picture

WITH_FIELDS = tuple(endpoint for endpoint in WITH_BODY if endpoint.body)
PUBLIC = {"schema", "docs", None}
WITH_ID = tuple(endpoint for endpoint in ENDPOINTS if endpoint.has_id)


def check(answer: Any, status: int, code: str, told: object = "") -> dict[str, Any]:
    """The problem, after looking at all that each problem must have."""
    assert answer.status_code == status, (str(told), answer.content)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"].endswith((".", "…"))
    if code == "invalid":
        assert problem["errors"]
        assert all(sentence for sentences in problem["errors"].values() for sentence in sentences)
    return problem


def test_every_address_is_in_the_table() -> None:
    named = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}

    assert named - PUBLIC == {endpoint.name for endpoint in ENDPOINTS}


class TestBodies:
    NO_OBJECTS = (
        b"{not json",
        b'["a list"]',
        b'"text"',
        b"null",
        b"7",
        b'{"reason": NaN}',
        b'{"reason": Infinity}',
        b'{"reason": "a", "reason": "b"}',
        b'{"reason": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"revision": ' + b"9" * 5_000 + b"}",
        json.dumps({"reason": "x"}).encode("utf-16"),
    )

    def test_that_are_no_json_object_are_400(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint, raw in itertools.product(WITH_BODY, self.NO_OBJECTS):
            check(caller.send(endpoint.method, world.path(endpoint.path), raw), 400, "malformed", endpoint)

        assert picture() == before

    @pytest.mark.parametrize(
        ("raw", "cause"),
        [
            (b'{"reason": NaN}', "NaN is not JSON."),
            (b'{"reason": "a", "reason": "b"}', 'The name "reason" stands twice in one object.'),
            (b'{"a": {"\\u202e<b>": 1, "\\u202e<b>": 2}}', 'The name "\\u202e<b>" stands twice in one object.'),
        ],
    )
    def test_that_are_nearly_json_name_the_cause(self, world: World, raw: bytes, cause: str) -> None:
        answer = Caller(world.cast.alice).send("POST", "access-requests/", raw)

        assert check(answer, 400, "malformed")["detail"].startswith(cause)

    def test_with_an_unknown_field_are_422(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint in WITH_BODY:
            body = {**(endpoint.body or {}), "is_admin": True}
            answer = caller.write(endpoint.method, world.path(endpoint.path), body)
            assert "is_admin" in check(answer, 422, "invalid", endpoint)["errors"], str(endpoint)

        assert picture() == before

    def test_with_a_name_that_cannot_be_written_are_422(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint in WITH_BODY:
            answer = caller.send(endpoint.method, world.path(endpoint.path), b'{"\\ud800\\u0000": 1, "": 2}')
            check(answer, 422, "invalid", endpoint)

        assert picture() == before

    def test_without_a_field_are_422(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint in WITH_FIELDS:
            answer = caller.write(endpoint.method, world.path(endpoint.path), {})
            needed = set(endpoint.body or {}) - endpoint.may_be_left_out
            assert set(check(answer, 422, "invalid", endpoint)["errors"]) == needed, str(endpoint)

        assert picture() == before

    WRONG: tuple[Any, ...] = (None, 7, 1.5, True, [], ["a"], [[]], {}, {"a": 1}, "", "\x00", "\ud800", "1")

    @pytest.mark.timeout(300)
    def test_with_a_wrong_type_or_value_are_422(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint in WITH_FIELDS:
            body = endpoint.body or {}
            for (name, right), wrong in itertools.product(body.items(), self.WRONG):
                if fits(name, right, wrong):
                    continue
                answer = caller.write(endpoint.method, world.path(endpoint.path), {**body, name: wrong})
                assert name in check(answer, 422, "invalid", endpoint)["errors"], (str(endpoint), name, wrong)

        assert picture() == before

    def test_over_256_kb_are_413(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint in WITH_BODY:
            raw = b'{"reason": "' + b"x" * (256 * 1024) + b'"}'
            check(caller.send(endpoint.method, world.path(endpoint.path), raw), 413, "too_large", endpoint)

        assert picture() == before

    TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")

    def test_of_another_type_are_415(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for endpoint, kind in itertools.product(WITH_BODY, self.TYPES):
            answer = caller.send(endpoint.method, world.path(endpoint.path), b"reason=because", content_type=kind)
            check(answer, 415, "unsupported_media_type", endpoint)

        assert picture() == before


def fits(name: str, right: Any, wrong: Any) -> bool:
    """Where a wrong value happens to be a right one."""
    free_text = isinstance(right, str) and name in {"comment", "reason", "text", "why"}
    if isinstance(right, str) and name in {"name", "note", "incident", "second_factor", "document"} and wrong == "1":
        return True
    return (
        (free_text and wrong == "1")
        or (name == "comment" and wrong == "")
        or (name in {"revision", "days"} and wrong == 7)
    )


class TestAsks:
    SENSELESS: tuple[tuple[dict[str, Any], str], ...] = (
        ({"target": "shop-moon"}, "target"),
        ({"target": "Shop-prod"}, "target"),
        ({"kind": "project_role"}, "kind"),
        ({"kind": "superuser"}, "kind"),
        ({"roles": ["nothing@shop"]}, "roles"),
        ({"roles": ["read@shop.moon"]}, "roles"),
        ({"roles": ["read"]}, "roles"),
        ({"roles": ["read@shop", "read@shop"]}, "roles"),
        ({"roles": ["read@shop.orders"] * 21}, "roles"),
        ({"duration": "PT0S"}, "duration"),
        ({"duration": "P367D"}, "duration"),
        ({"duration": "2:00:00"}, "duration"),
        ({"duration": "P1W"}, "duration"),
        ({"duration": "-PT2H"}, "duration"),
        ({"duration": 7200}, "duration"),
        ({"duration": "PT" + "9" * 400 + "H"}, "duration"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"authentication": "x509"}, "authentication"),
        ({"authentication": "kerberos"}, "authentication"),
        ({"clusters": ["Cluster0"]}, "clusters"),
        ({"source_addresses": ["0.0.0.0/0"]}, "source_addresses"),
        ({"source_addresses": ["::/0"]}, "source_addresses"),
        ({"source_addresses": ["192.0.2.7/24"]}, "source_addresses"),
        ({"source_addresses": ["here"]}, "source_addresses"),
        ({"grantee": "nobody"}, "grantee"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "2099-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "2030-01-01T00:00:00"}, "starts_at"),
        ({"starts_at": "2030-13-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ticket": "x" * 201}, "ticket"),
    )

    @pytest.mark.parametrize("path", ["access-requests/", "access-requests/preview/"])
    def test_that_make_no_sense_are_422(self, world: World, path: str) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for changes, field in self.SENSELESS:
            assert field in check(caller.post(path, ask(**changes)), 422, "invalid")["errors"], changes

        assert picture() == before


class TestFilters:
    def test_that_are_unknown_or_wrong_are_422(self, world: World) -> None:
        caller = Caller(world.cast.dave)
        before = picture()

        for endpoint in ENDPOINTS:
            wrong = {"unknown": "1"} | dict.fromkeys(endpoint.filters, "\x00")
            for name, value in wrong.items() if endpoint.filters else []:
                answer = caller.get(world.path(endpoint.path), **{name: value})
                assert name in check(answer, 422, "invalid", endpoint)["errors"], (str(endpoint), name)

        assert picture() == before

    def test_page_sizes_go_from_1_to_200(self, world: World) -> None:
        caller = Caller(world.cast.dave)

        for value in ("0", "201", "-1", "1e2", "x", "", "9" * 20, "\u0663"):
            check(caller.get("grants/", page_size=value), 422, "invalid")

    def test_cursors_are_ours_or_422(self, world: World) -> None:
        caller = Caller(world.cast.dave)

        for value in ("", "x", "YjE=x", "cD0x", "YjE5OTk5OTk5OTk5OTk5OTk5OTk5", "\U0001f642"):
            check(caller.get("access-requests/", cursor=value), 422, "invalid")


class TestAddresses:
    def test_take_only_their_methods(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        for path in dict.fromkeys(endpoint.path for endpoint in ENDPOINTS):
            taken = {other.method for other in ENDPOINTS if other.path == path}
            for method in {"PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "POST", "GET"} - taken:
                answer = caller.send(method, world.path(path))
                check(answer, 405, "method_not_allowed", f"{method} {path}")
                assert all(one in answer.headers["Allow"] for one in taken), path

        assert picture() == before

    NUMBERS = ("0", "999999", str(2**63 - 1), str(2**63), "9" * 40, "-1", "x", "1.0", "%00", "\u0663")

    def test_with_a_bad_id_are_404(self, world: World) -> None:
        caller = Caller(world.cast.erin)
        before = picture()

        for endpoint, number in itertools.product(WITH_ID, self.NUMBERS):
            raw = json.dumps(endpoint.body).encode() if endpoint.body is not None else b""
            answer = caller.send(endpoint.method, re.sub(r"\{[a-z]+\}", number, endpoint.path), raw)
            check(answer, 404, "not_found", (str(endpoint), number))

        assert picture() == before

    NOWHERE = (
        "", "nothing/", "targets", "access-requests/1/extend/", "grants/1/nothing/",
        "targets/shop%00prod/", "targets/../",
    )  # fmt: skip

    def test_that_are_not_there_are_404(self, world: World) -> None:
        caller = Caller(world.cast.erin)

        for path, method in itertools.product(self.NOWHERE, ("GET", "POST")):
            check(caller.send(method, path, b"{}" if method == "POST" else b""), 404, "not_found")
        check(caller.get("targets/shop-moon/"), 404, "not_found")

    def test_outside_of_the_version_are_404_too(self, db: None) -> None:
        for path in ("/api", "/api/", "/api/v2/targets/"):
            check(Client().get(path), 404, "not_found")


class TestTokens:
    NO_TOKENS = (
        None, "", "Bearer", "Bearer ", f"Bearer access_{'x' * 40}", "Basic YWxpY2U6YWxpY2U=", "Bearer \u00e9" * 9, "x" * 9000,
    )  # fmt: skip

    def test_that_are_no_tokens_are_401(self, world: World) -> None:
        client, before = Client(), picture()

        for endpoint, header in itertools.product(ENDPOINTS, self.NO_TOKENS):
            headers = {"Authorization": header} if header is not None else {}
            answer = client.generic(
                endpoint.method,
                ROOT + world.path(endpoint.path),
                "{}",
                content_type="application/json",
                headers=headers,
            )
            problem = check(answer, 401, "unauthenticated", (str(endpoint), header))
            assert "`Authorization: Bearer TOKEN`" in problem["detail"], str(endpoint)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), str(endpoint)

        assert picture() == before

    def test_that_were_revoked_are_401(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        actor = people_queries.actor_of(world.cast.alice, Via.WEB)
        people.revoke_token(token_id=caller.token_id, person=world.cast.alice, actor=actor)
        before = picture()

        for endpoint in ENDPOINTS:
            answer = caller.send(endpoint.method, world.path(endpoint.path))
            check(answer, 401, "unauthenticated", endpoint)

        assert picture() == before

    def test_without_the_scope_are_403(self, world: World) -> None:
        callers = {
            scope: Caller(world.cast.alice, scopes=tuple(one for one in EVERYTHING if one != scope))
            for scope in EVERYTHING
        }
        before = picture()

        for endpoint in ENDPOINTS:
            raw = json.dumps(endpoint.body).encode() if endpoint.body is not None else b""
            answer = callers[endpoint.scope].send(endpoint.method, world.path(endpoint.path), raw)
            assert endpoint.scope in check(answer, 403, "scope", endpoint)["detail"], str(endpoint)

        assert picture() == before

    def test_of_the_portal_s_session_mean_nothing_here(self, world: World) -> None:
        client = Client()
        client.force_login(world.cast.alice)

        for endpoint in ENDPOINTS:
            answer = client.generic(endpoint.method, ROOT + world.path(endpoint.path), content_type="application/json")
            check(answer, 401, "unauthenticated", endpoint)
            assert "Set-Cookie" not in answer.headers, str(endpoint)
