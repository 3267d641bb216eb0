"""How long somebody who presses in Slack waits for the answer, while workers set up what the presses before approved."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx2
import psycopg
from slack_sdk.signature import SignatureVerifier

from bench import world
from bench.rows import Row, quantile, ratio_of, spread
from bench.sizes import Sizes
from bench.world import World

A_SECOND = 20
FLOOR_SECONDS = 5
MOST_SECONDS = 0.3
PEOPLE = ("bob", "grace")
CHANNEL = "C0BENCH"
AT_A_TIME = 40

# Slack takes one message a second into a channel: these stand there as if it had taken them.
_POSTED = """
INSERT INTO accessrequests_slackmessage (access_request_id, kind, channel, revision, about, slack_user_id, state,
    posted_in, ts, rendered_hash, created_at, posted_at, drawn_at, is_final, last_error)
SELECT id, 'card', %(channel)s, revision, '', '', 'posted', %(channel)s, '1.' || id, '', clock_timestamp(),
    clock_timestamp(), clock_timestamp(), true, '' FROM accessrequests_accessrequest WHERE id = ANY(%(ids)s)
"""


def clicks(running: World, sizes: Sizes) -> Row:
    """Seconds from when each press was due until it was answered; and of calls that do nothing, at the same pace."""
    asked = _asked(running, A_SECOND * sizes.click_seconds)
    slack = running.state["slack"]
    presses = [_press(slack, number, PEOPLE[place % len(PEOPLE)]) for place, number in enumerate(asked)]
    greeting = json.dumps({"type": "url_verification", "challenge": "x"}).encode()
    nothing = _at_pace(running, [(greeting, "application/json")] * (A_SECOND * FLOOR_SECONDS))
    answered = _at_pace(running, presses)
    ours, floor = spread(answered, 50, 99), spread(nothing, 50, 99)
    return Row(
        name="press in Slack → answered",
        means=f"{A_SECOND} a second for {sizes.click_seconds} s, from when each was due; each approves, and its access is set "
        "up meanwhile. Floor: Slack's url_verification at the same pace.",
        n=len(answered),
        at_a_time=AT_A_TIME,
        ours=ours,
        floor=floor,
        ratio=ratio_of(ours, floor, "p50 ms", "p99 ms"),
        goal="p99 ≤ 300 ms",
        is_met=quantile(answered, 99) <= MOST_SECONDS,
    )


def _asked(running: World, count: int) -> list[int]:
    """So many requests that wait, each with a card that can be pressed."""

    def ask(_: int) -> int:
        with running.client("alice") as alice:
            number: int = world.ask(alice, target="shop-prod", role="read@shop.orders", duration="PT10M")["id"]
            return number

    with ThreadPoolExecutor(max_workers=4) as pool:
        numbers = list(pool.map(ask, range(count)))
    with psycopg.connect(running.state["postgres"]) as connection:
        connection.execute(_POSTED, {"channel": CHANNEL, "ids": numbers})
    return numbers


def _press(slack: dict[str, Any], number: int, person: str) -> tuple[bytes, str]:
    payload = {
        "type": "block_actions",
        "api_app_id": slack["app_id"],
        "team": {"id": slack["team_id"]},
        "user": {"id": slack["users"][person], "team_id": slack["team_id"]},
        "container": {"type": "message", "channel_id": CHANNEL, "message_ts": f"1.{number}"},
        "actions": [{"action_id": "approve", "value": f"v1.{number}.1"}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode(), "application/x-www-form-urlencoded"


def _at_pace(running: World, calls: list[tuple[bytes, str]]) -> list[float]:
    """Each is due at its time, whether those before it were answered or not."""
    verifier = SignatureVerifier(running.state["slack"]["signing_secret"])
    begin = time.perf_counter() + 0.5
    address = f"{running.state['web']}/slack/events"
    # Sooner than the web hangs up on a connection that nobody uses, or a press would be sent into it.
    limits = httpx2.Limits(max_connections=AT_A_TIME, keepalive_expiry=1.0)
    client = httpx2.Client(trust_env=False, timeout=20, limits=limits)
    with client, ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:

        def send(place: int) -> float:
            body, kind = calls[place]
            due = begin + place / A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            timestamp = str(int(time.time()))
            signed = verifier.generate_signature(timestamp=timestamp, body=body)
            headers = {
                "X-Slack-Request-Timestamp": timestamp,
                "X-Slack-Signature": str(signed),
                "Content-Type": kind,
            }
            client.post(address, content=body, headers=headers).raise_for_status()
            return time.perf_counter() - due

        return list(pool.map(send, range(len(calls))))
