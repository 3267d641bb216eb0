"""Guards the trail over REST: who sees what, filters, exports that can be checked offline, and the check itself."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from accessrequests.domain import chain
from accessrequests.models import AuditEvent
from tests import make
from tests.api.caller import Caller
from tests.api.world import World
from tests.make import Cast


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


class TestEvents:
    def test_have_their_shape(self, world: World) -> None:
        newest = Caller(world.cast.dave).get("audit-events/").json()["results"][0]

        assert set(newest) == {
            "id", "sequence", "at", "event", "actor", "via", "subject", "facts", "previous", "hash",
        }  # fmt: skip
        assert (newest["event"], newest["subject"]) == ("token.created", "person/dave")
        assert chain.seal_event(newest) == newest["hash"]

    def test_are_narrowed(self, world: World) -> None:
        dave = Caller(world.cast.dave)
        middle = AuditEvent.objects.get(event="grant.activated").at

        def found(**query: str) -> set[str]:
            return {one["event"] for one in dave.get("audit-events/", page_size="200", **query).json()["results"]}

        request = f"access_request/{world.grant.access_request_id}"
        assert found(subject=request) == {
            "access_request.submitted", "access_request.approval_given", "access_request.approved",
            "grant.provisioning_started", "grant.activated",
        }  # fmt: skip
        assert found(subject=f"grant/{world.grant.pk}", event="grant.*") == {
            "grant.provisioning_started",
            "grant.activated",
        }
        assert found(event="grant.activated") == {"grant.activated"}
        assert found(event="grant.extended") == set()
        assert found(actor="bob") == {"access_request.approval_given", "access_request.approved"}
        assert found(since=middle.isoformat()) == {
            "grant.activated", "access_request.submitted", "target.applied", "custom_role.proposed", "policy.drafted",
            "delegation.made", "access_review.started", "token.created",
        }  # fmt: skip
        assert found(since=(middle + timedelta(days=1)).isoformat()) == set()

    def test_are_paged_by_sequence(self, world: World) -> None:
        dave = Caller(world.cast.dave)
        page, seen = dave.get("audit-events/", page_size="4").json(), list[int]()
        while True:
            seen += [one["sequence"] for one in page["results"]]
            if page["next"] is None:
                break
            page = dave.client.get(page["next"], headers=dave.headers()).json()

        assert seen == list(range(AuditEvent.objects.count(), 0, -1))


class TestExport:
    def test_of_everything_verifies_offline(self, world: World, tmp_path: Path) -> None:
        answer = Caller(world.cast.dave).get("audit-events/export/")
        export = tmp_path / "export.jsonl"
        export.write_bytes(b"".join(answer.streaming_content))

        found = subprocess.run(
            [sys.executable, "-I", chain.__file__, str(export)], capture_output=True, text=True, check=False
        )

        assert answer.headers["Export-Completeness"] == "full"
        assert (found.returncode, found.stdout.split(":")[0]) == (0, "INTACT")
        assert len(export.read_text().splitlines()) == AuditEvent.objects.count() - 1
        taken = AuditEvent.objects.latest("sequence")
        assert (taken.event, taken.actor, taken.via) == ("audit.exported", "dave", "api")

    def test_with_filters_says_that_it_is_not_whole(self, world: World) -> None:
        answer = Caller(world.cast.dave).get("audit-events/export/", event="grant.*")

        assert answer.headers["Export-Completeness"] == "partial"
        assert "partial" in answer.headers["Content-Disposition"]
        assert {one["event"] for one in lines(answer)} == {"grant.provisioning_started", "grant.activated"}

    def test_of_one_who_sees_a_part_says_so_too(self, world: World) -> None:
        answer = Caller(world.cast.mallory).get("audit-events/export/")

        assert answer.headers["Export-Completeness"] == "partial"
        assert {one["subject"] for one in lines(answer)} == {"person/mallory"}


class TestVerify:
    def test_finds_an_intact_trail(self, world: World) -> None:
        found = Caller(world.cast.erin).get("audit-events/verify/").json()

        newest = AuditEvent.objects.latest("sequence")
        assert found == {"ok": True, "checked": newest.sequence, "head": newest.hash, "anchor": None, "first_bad": None}

    def test_names_the_row_that_was_changed(self, committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
        make.submit(committed_cast.alice)
        dave = Caller(committed_cast.dave)
        owner_connection.execute("SET session_replication_role = replica")
        owner_connection.execute("UPDATE accessrequests_auditevent SET actor = 'mallory' WHERE sequence = 2")

        found = dave.get("audit-events/verify/").json()

        assert (found["ok"], found["checked"]) == (False, 1)
        assert (found["first_bad"]["sequence"], found["first_bad"]["id"]) == (2, 2)
        assert found["first_bad"]["why"]
