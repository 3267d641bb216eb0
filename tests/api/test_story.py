"""Guards the main job over REST alone: ask, approve, have the password once, give it back, prove it."""

from __future__ import annotations

import json
from pathlib import Path

from accessrequests.domain import chain
from accessrequests.operations import grants
from accessrequests.queries import clock
from tests.api.caller import Caller, ask
from tests.make import Cast


def make_active(grant_id: int) -> None:
    """What the workers do, without a target."""
    attempt = grants.start_provisioning(grant_id=grant_id)
    assert attempt is not None
    gates: dict[str, dict[str, object]] = {"user": {"proof": "login"}, "roles": {"roles": ["read@shop.orders"]}}
    assert grants.mark_active(grant_id=grant_id, attempt=attempt.number, gates=gates)


class TestTheStory:
    def test_from_the_ask_to_the_proof(self, cast: Cast, tmp_path: Path) -> None:
        alice, bob, dave = Caller(cast.alice), Caller(cast.bob), Caller(cast.dave)

        preview = alice.post("access-requests/preview/", ask())
        assert preview.status_code == 200, preview.content
        assert preview.json()["allowed"] is True
        assert preview.json()["steps"] == [{"group": "data-owners", "needed": 1, "people": ["bob", "grace"]}]

        filed = alice.post("access-requests/", ask())
        assert filed.status_code == 201, filed.content
        number = filed.json()["id"]
        assert filed.headers["Location"].endswith(f"/api/v1/access-requests/{number}/")

        approved = bob.post(f"access-requests/{number}/approve/", {"revision": 1, "comment": "Go ahead."})
        assert approved.status_code == 200, approved.content
        grant = approved.json()["grant"]["id"]
        assert alice.post(f"grants/{grant}/reveal/").json()["code"] == "not_ready"

        make_active(grant)
        assert alice.get(f"grants/{grant}/").json()["credential"] == "ready"
        revealed = alice.post(f"grants/{grant}/reveal/")
        assert revealed.status_code == 200, revealed.content
        assert set(revealed.json()) == {"username", "password", "connection_string", "expires_at"}
        assert alice.post(f"grants/{grant}/reveal/").status_code == 410

        released = alice.post(f"grants/{grant}/release/")
        assert (released.status_code, released.json()["reason"]) == (202, "released")
        grants.mark_cut(cuts=[grants.Cut(grant, {"users": 0})])
        grants.mark_revoked(grant_id=grant, evidence={"users": 0}, looked_at=clock.now())
        assert alice.get(f"grants/{grant}/").json()["state"] == "revoked"

        texts = [entry["text"] for entry in alice.get(f"access-requests/{number}/").json()["timeline"]]
        assert texts[0].startswith("alice asked to read shop.orders on shop-prod for 2 hours")
        assert texts[-1] == "The access is gone: the target has nothing of it left."

        export = b"".join(dave.get("audit-events/export/").streaming_content)
        assert dave.get("audit-events/verify/").json()["ok"] is True
        (tmp_path / "export.jsonl").write_bytes(export)
        assert chain.main([str(tmp_path / "export.jsonl")]) == 0
        assert revealed.json()["password"].encode() not in export
        assert json.loads(export.splitlines()[-1])["event"] == "grant.revoked"
