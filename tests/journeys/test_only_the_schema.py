"""Guards that the schema alone is enough to walk the whole story: addresses, bodies and answers are all read from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from tests.journeys.people import Access, Answer
from tests.journeys.world import World

SCHEMA = "schema/"  # the one address that must be known beforehand; SANDBOX and docs name it


class Described:
    """A client that knows nothing but the schema: it is told an operation's id, and what it saw last."""

    def __init__(self, schema: Answer, *, origin: str, token: str) -> None:
        self._schemas: Answer = schema["components"]["schemas"]
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
            if isinstance(operation, dict) and "operationId" in operation
        }
        (scheme,) = schema["components"]["securitySchemes"].values()
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
        self._client = httpx2.Client(
            base_url=origin, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=15
        )

    def close(self) -> None:
        self._client.close()

    def call(self, name: str, *, seen: Mapping[str, Any] | None = None, **changed: object) -> Answer:
        """Do it as the schema's example does. Required fields that were seen before are given back as seen."""
        method, path, operation = self._operations[name]
        seen = seen or {}
        address = re.sub(r"\{(\w+)\}", lambda part: str(seen[part[1]]), path)
        response = self._client.request(method.upper(), address, json=self._body(operation, seen, changed))
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{name} does not say that it may answer {response.status_code}: {response.text}"
        assert response.is_success, f"{name} answered {response.status_code}: {response.text}"
        (kind, content), *_ = described["content"].items()
        assert response.headers["content-type"].partition(";")[0] == kind
        answer: Answer = response.json()
        self._check(answer, content["schema"], where=name)
        return answer

    def _body(self, operation: Answer, seen: Mapping[str, Any], changed: Mapping[str, object]) -> Answer | None:
        if "requestBody" not in operation:
            assert not changed
            return None
        ((kind, content),) = operation["requestBody"]["content"].items()
        assert kind == "application/json"
        example = next(iter(content["examples"].values()))["value"]
        shape = self._resolved(content["schema"])
        assert set(changed) <= set(shape["properties"])
        return {**example, **{name: seen[name] for name in shape["required"] if name in seen}, **changed}

    def _resolved(self, shape: Answer) -> Answer:
        while True:
            one = shape.get("allOf", [shape])
            shape = one[0] if len(one) == 1 else shape
            if "$ref" not in shape:
                return shape
            shape = self._schemas[shape["$ref"].rpartition("/")[2]]

    def _check(self, value: object, shape: Answer, *, where: str) -> None:
        """What is answered is what is described: no field more, none less, and of the right kind."""
        shape, is_nullable = self._resolved(shape), shape.get("nullable", False)
        if value is None:
            assert is_nullable or shape.get("nullable") or "oneOf" in shape, f"{where} may not be null"
            return
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": float}
        if "type" in shape:
            assert isinstance(value, kinds[shape["type"]]), f"{where} is {value!r}, not of type {shape['type']}"
        if "enum" in shape:
            assert value in shape["enum"], f"{where} is {value!r}, which the schema does not list"
        if isinstance(value, dict) and "properties" in shape:
            assert set(shape.get("required", ())) <= set(value) <= set(shape["properties"]), f"{where}: {sorted(value)}"
            for name, part in value.items():
                self._check(part, shape["properties"][name], where=f"{where}.{name}")
        if isinstance(value, list):
            for part in value:
                self._check(part, shape["items"], where=f"{where}[]")


class TestSchema:
    @pytest.mark.slow
    def test_it_says_all_that_is_needed_from_the_ask_to_the_proof(self, world: World) -> None:
        state = world.state()
        schema = world.alice.get(SCHEMA)
        alice, bob, dave = (
            Described(schema, origin=state["web"], token=state["tokens"][name]) for name in ("alice", "bob", "dave")
        )
        try:
            verdict = alice.call("access_requests_preview", duration="PT11S")
            assert verdict["allowed"] is True
            asked = alice.call("access_requests_create", duration="PT11S")
            assert asked["target"] in {target["slug"] for target in alice.call("targets_list")["results"]}
            decided = bob.call("access_requests_approve", seen=asked)
            access = Access(world.alice, decided, alice.call("grants_retrieve", seen=decided["grant"]))
            world.touched.append(access)

            def is_active() -> bool:
                access.grant = alice.call("grants_retrieve", seen=access.grant)
                return bool(access.grant["state"] == "active")

            world.wait_for(is_active, what="the schema's grant is active")
            access.credential = alice.call("grants_reveal", seen=access.grant)
            world.await_refusal(access)

            def is_revoked() -> bool:
                access.grant = alice.call("grants_retrieve", seen=access.grant)
                return bool(access.grant["state"] == "revoked")

            world.wait_for(is_revoked, what="the schema's grant is revoked")
            assert world.traces(access) == []
            assert alice.call("access_requests_retrieve", seen=asked)["timeline"]
            assert dave.call("audit_events_verify")["ok"] is True
            assert dave.call("audit_events_list")["results"]
        finally:
            for client in (alice, bob, dave):
                client.close()
