"""Guards the schema: it is complete and clean, it can be read in a browser, and the API keeps to it whatever is sent."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.management import call_command
from django.test import Client
from hypothesis import strategies
from pytest_django import Settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accessrequests.api.schema import schema
from accessrequests.wsgi import application
from tests.api.caller import Caller
from tests.api.world import ENDPOINTS, World, world_of
from tests.kept import Copy
from tests.make import Cast

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 8


class TestTheSchema:
    def test_is_clean(self) -> None:
        said = io.StringIO()

        call_command("spectacular", validate=True, fail_on_warn=True, stdout=said, stderr=said)

        assert "openapi: 3" in said.getvalue()

    def test_has_every_endpoint_and_no_later_one(self) -> None:
        found = {(path, method.upper()) for path, methods in schema()["paths"].items() for method in methods}

        table = {
            (
                "/api/v1/" + re.sub("shop-prod|ecommerce-prod", "{slug}", re.sub(r"\{[a-z]+\}", "{id}", one.path)),
                one.method,
            )
            for one in ENDPOINTS
        }
        assert found == table

    def test_explains_every_operation(self) -> None:
        for methods in schema()["paths"].values():
            for operation in methods.values():
                assert operation["summary"]
                assert re.search(r"scope `(read|request|decide|reveal|end|audit)`", operation["description"])
                assert operation["security"] == [{"personalToken": []}]
                assert {"401", "403", "429"} <= set(operation["responses"])
                if "requestBody" in operation:
                    assert operation["requestBody"]["content"]["application/json"]["examples"]

    def test_is_served_to_anybody(self, db: None) -> None:
        answer = Client().get("/api/v1/schema/")

        assert (answer.status_code, answer.json()["openapi"][:2]) == (200, "3.")
        assert answer.headers["Cache-Control"] == "no-store"


class TestTheDocs:
    def test_need_nothing_that_the_content_security_policy_forbids(self, db: None) -> None:
        client = Client()
        answer = client.get("/api/v1/docs/")
        page = answer.content.decode()

        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://", page)
        scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
        assert scripts
        assert all("src=" in attributes and not inside for attributes, inside in scripts)
        for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", page):
            with contextlib.closing(client.get(address)) as found:
                assert found.status_code == 200, address


class TestTheAPI:
    @pytest.fixture
    def described(self, committed: None, settings: Settings) -> Any:
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "localhost"]
        return schemathesis.openapi.from_wsgi("/api/v1/schema/", application)

    @pytest.mark.timeout(240)
    def test_keeps_to_its_schema_whatever_is_sent(self, kept_world: Copy[None], described: Any) -> None:
        world = world_of(kept_world.give())
        callers = [Caller(getattr(world.cast, name)) for name in ("alice", "bob", "dave")]
        seen: set[int] = set()

        for found in described.get_all_operations():
            self.try_out(found.ok(), world, callers, seen)

        assert {200, 202, 403, 404, 409, 422} <= seen

    def test_takes_the_example_of_an_ask_as_it_stands(self, committed_cast: Cast, described: Any) -> None:
        content = described.raw_schema["paths"]["/api/v1/access-requests/"]["post"]["requestBody"]["content"]
        examples = content["application/json"]["examples"]

        for example in examples.values():
            assert Caller(committed_cast.alice).post("access-requests/", example["value"]).status_code == 201
        assert examples

    def try_out(self, operation: Any, world: World, callers: list[Caller], seen: set[int]) -> None:
        """Good and bad calls, half of them on an object that is there."""
        number = world.grant.pk if "/grants/" in operation.path else world.request.pk
        modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]

        @hypothesis.settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(
            case=strategies.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]),
            caller=strategies.sampled_from(callers),
            is_there=strategies.booleans(),
        )
        def go(case: Any, caller: Caller, is_there: bool) -> None:
            if is_there and case.path_parameters:
                case.path_parameters = {"id": number} if "id" in case.path_parameters else {"slug": "shop-prod"}
            answer = case.call(headers=caller.headers())
            seen.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        go()
