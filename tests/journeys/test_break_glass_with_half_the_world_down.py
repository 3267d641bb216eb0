"""Guards break-glass with Redis and Celery stopped, mail unwritable and the webhook's receiver down: given, told, ended."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import glass
from tests.journeys.people import Access, Login
from tests.journeys.world import World
from tests.workers.receiver import Receiver, entry

BROKEN: dict[str, Any] = {
    "target": "shop-prod",
    "kind": "database_user",
    "roles": ["readWrite@shop"],
    "duration": "PT15S",
    "reason": glass.REASON,
    "incident": "INC-884",
    "confirm_target": "shop-prod",
}
TOLD = {f"{name}@example.com" for name in ("bob", "grace", "carol", "erin")}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextlib.contextmanager
def receiving_at(world: World, port: int) -> Iterator[None]:
    """The operator's file names a receiver on this port, whether anybody is there or not."""
    path = Path(world.state()["mail"]).parent / "webhooks.yaml"
    was = path.read_text(encoding="utf-8")
    named = {"receivers": {"pager": entry(f"http://127.0.0.1:{port}/", types=["breakglass.*"])}}
    try:
        path.write_text(yaml.safe_dump(named), encoding="utf-8")
        yield
    finally:
        path.write_text(was, encoding="utf-8")


@contextlib.contextmanager
def unwritable(mail: Path) -> Iterator[None]:
    """A file where the directory was: nobody can write into that, not even root."""
    away = mail.with_name("mail.away")
    mail.rename(away)
    mail.touch()
    try:
        yield
    finally:
        mail.unlink()
        away.rename(mail)


def alarms_in(mail: Path) -> set[str]:
    """Whom the mails tell that the glass was broken."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in mail.glob("*.log")]
    return {
        line.removeprefix("To: ")
        for text in texts
        for message in text.split("\n-------")
        if "Subject: BREAK-GLASS" in message
        for line in message.splitlines()
        if line.startswith("To: ")
    }


@pytest.mark.slow
def test_it_is_given_told_on_every_channel_ended_and_reviewed(world: World) -> None:
    frank, carol, state, port = world.people["frank"], world.people["carol"], world.state(), free_port()
    mail, seed = Path(state["mail"]), state["totp"]["frank"]
    for missing in ("second_factor", "reason", "incident", "confirm_target"):
        body = {**BROKEN, "second_factor": glass.code_of(seed), missing: ""}
        assert frank.api.post("break-glass/", json=body).status_code == 422
    wrong = frank.api.post("break-glass/", json={**BROKEN, "second_factor": "000000"})
    assert (wrong.status_code, frank.get("grants/")["results"]) == (403, [])

    with receiving_at(world, port), world.without("worker", "worker_urgent", "redis"):
        with unwritable(mail):
            pressed = time.monotonic()
            given = frank.post("break-glass/", {**BROKEN, "second_factor": glass.code_of(seed)}, expected=201)
            access = Access(frank, given, frank.grant(given["grant"]["id"]))
            world.touched.append(access)
            world.use(access)
            assert access.login() is Login.WORKS
            print(f"Half the world is down: in {time.monotonic() - pressed:.2f} s after the press.")
            failed = world.wait_for(lambda: _failed(world, access), what="both channels failed")
            assert failed == {"mail", "pager"}
            lag = world.await_refusal(access)
            world.await_grant(access, "revoked")
            assert world.traces(access) == []
        receiver = Receiver(port)
        with receiver.listening():
            world.wait_for(lambda: alarms_in(mail) >= TOLD, what="everybody has mail", seconds=60)
            world.wait_for(lambda: _heard(receiver) >= {"breakglass.activated"}, what="the pager heard it", seconds=60)

    assert access.grant["reason"] == "expiry"
    due = frank.get(f"access-requests/{given['id']}/")["break_glass"]["review_due_at"]
    assert datetime.fromisoformat(due) > datetime.now(UTC)
    frank.post(f"break-glass/{given['id']}/review/", {"finding": "real", "note": "It was me."}, expected=403)
    reviewed = carol.post(f"break-glass/{given['id']}/review/", {"finding": "drill", "note": "The log agrees."})
    assert reviewed["break_glass"]["reviewed_by"] == "carol"
    print(f"Half the world is down: the login was refused {lag * 1000:.0f} ms after the end.")


def _failed(world: World, access: Access) -> set[str] | None:
    """The channels whose failure to raise the alarm is a fact, once there are two."""
    found = world.dave.get(
        "audit-events/",
        subject=f"access_request/{access.access_request['id']}",
        event="breakglass.alert_failed",
    )["results"]
    of_it = {one["facts"]["channel"] for one in found if one["facts"]["of"] == "breakglass.activated"}
    return of_it if len(of_it) > 1 else None


def _heard(receiver: Receiver) -> set[str]:
    return {json.loads(body)["type"] for _, body in list(receiver.heard)}
