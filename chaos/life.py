"""One access from the ask to the end, as its holder lives it, and the moments at which the target let them in and no longer."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx2
from pymongo.errors import PyMongoError

from chaos.login import Key, Login
from chaos.person import Answer, GaveUp, Person
from chaos.world import ChaosWorld
from sandbox.tour.narrator import Unexpected
from sandbox.tour.slack_window import SlackWindow

READY_SECONDS = 120.0  # patience, not a promise: how late it was is in the figures
CUT_SECONDS = 90.0
RENEWED_SECONDS = 15.0
CARD_SECONDS = 45.0  # then Bob goes to the portal
LOOK_EVERY = 0.1
ASK_EVERY = 0.4
ROLE = "read@shop.orders"
REASON = "Somebody pulls plugs while this is used."
AUTOMATIC = frozenset({"shop-dev", "shop-staging", "ecommerce-dev"})
_ATLAS = "ecommerce-"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a life is to be. `seconds`: its length; it is released after `released_after` of them, or lives to its end."""

    number: int
    target: str
    holder: str
    seconds: int
    released_after: float | None
    by_slack: bool
    rotates: bool

    @property
    def is_atlas(self) -> bool:
        return self.target.startswith(_ATLAS)

    @property
    def source(self) -> str:
        """An address of this machine that is on nobody's list."""
        return f"127.0.0.{71 + self.number % 29}" if self.is_atlas else ""


@dataclass(slots=True)
class Life:
    """What became of it. Moments are seconds of this machine's clock."""

    plan: Plan
    request_id: int = 0
    grant_id: int = 0
    username: str = ""
    server: str = ""
    approved_at: float = 0.0
    usable_at: float = 0.0
    expires_at: float = 0.0
    ends_at: float = 0.0
    refused_at: float = 0.0
    was_counted: bool = False
    users_seen: list[str] = field(default_factory=list)
    is_over: bool = False
    lost_passwords: int = 0
    was_pressed: bool = False
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"life {self.plan.number} on {self.plan.target} (request {self.request_id}, grant {self.grant_id})"


class Town:
    """Whoever lives here, at the API, in Slack and at the targets."""

    def __init__(self, world: ChaosWorld) -> None:
        state = world.state()
        self.world = world
        self.people = {name: Person(name, web=state["web"], token=token) for name, token in state["tokens"].items()}
        self._bob_in_slack = SlackWindow("bob", state=state)
        self._window = threading.Lock()
        self.servers = {mongod.host: name for name, mongod in {**world.mongods, **world.stand_in.mongods}.items()}

    def close(self) -> None:
        for person in self.people.values():
            person.close()
        self._bob_in_slack.close()

    def press_approve(self, request_id: int) -> bool:
        """Bob presses the button in Slack, if the card is there, and says yes."""
        with self._window:
            card = self._bob_in_slack.card(request_id)
            if card is None or "Approve" not in card.buttons:
                return False
            for form in self._bob_in_slack.press(card, "Approve"):
                for label, sent in form.buttons.items():
                    if sent == ("do", "yes"):
                        self._bob_in_slack.press(form, label)
                        return True
        return False


def live(plan: Plan, town: Town) -> Life:
    """Never raises: what went wrong stands in it."""
    life = Life(plan)
    try:
        _live(life, town)
    except (GaveUp, Unexpected, httpx2.HTTPError, PyMongoError, OSError) as error:
        life.problems.append(f"{type(error).__name__}: {error}")
    return life


def _live(life: Life, town: Town) -> None:
    plan, holder = life.plan, town.people[life.plan.holder]
    asked = _asked(plan, holder)
    life.request_id = asked["id"]
    if asked["state"] == "pending":
        asked = _approved(life, town)
    life.approved_at = time.time()
    life.grant_id = asked["grant"]["id"]
    key = _revealed(life, holder)
    if key is None:
        return
    try:
        _use(life, key, town)
        if plan.rotates:
            rotated = _rotated(life, holder, key)
            if rotated is None:
                return
            key = rotated
        _end(life, key, holder)
    finally:
        key.close()


def _asked(plan: Plan, holder: Person) -> Answer:
    body: Answer = {
        "target": plan.target,
        "kind": "database_user",
        "roles": [ROLE],
        "authentication": "scram",
        "duration": f"PT{plan.seconds}S",
        "reason": REASON,
    }
    if plan.is_atlas:
        body |= {"clusters": ["main"], "source_addresses": [plan.source]}
    answer = holder.post("access-requests/", body)
    if answer.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise GaveUp(f"Asking answers {answer.status_code}: {answer.text[:300]}")
    asked: Answer = answer.json()
    return asked


def _approved(life: Life, town: Town) -> Answer:
    """Bob approves, in Slack or by the API; pressed twice, or after a lost answer, it was done once."""
    path, bob = f"access-requests/{life.request_id}/", town.people["bob"]
    deadline, card_by = time.monotonic() + READY_SECONDS, time.monotonic() + CARD_SECONDS
    asked = bob.get(path)
    while asked["state"] == "pending" and time.monotonic() < deadline:
        if life.plan.by_slack and time.monotonic() < card_by:
            # When the app does not answer in time, the card is drawn anew, or the press counted.
            with contextlib.suppress(Unexpected, httpx2.HTTPError):
                life.was_pressed = town.press_approve(life.request_id)
            time.sleep(ASK_EVERY)
        else:
            bob.post(f"{path}approve/", {"revision": asked["revision"]})
        asked = bob.get(path)
    if asked["state"] != "approved" or asked["grant"] is None:
        raise GaveUp(f"It is {asked['state']}, not approved.")
    return asked


def _revealed(life: Life, holder: Person) -> Key | None:
    """The password; a new one where the answer with the first was lost on its way, as the product tells one to."""
    path = f"grants/{life.grant_id}/"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        answer = holder.post(f"{path}reveal/")
        if answer.status_code == HTTPStatus.OK:
            found = answer.json()
            life.username = found["username"]
            life.expires_at = life.ends_at = datetime.fromisoformat(found["expires_at"]).timestamp()
            return Key.revealed(found["connection_string"], source=life.plan.source)
        grant = holder.get(path)
        if grant["state"] in {"revoking", "revoked"}:
            _note_never_used(life, grant)
            return None
        if answer.status_code == HTTPStatus.GONE:
            life.lost_passwords += 1
            holder.post(f"{path}rotate/")
        time.sleep(ASK_EVERY)
    raise GaveUp(f"No password within {READY_SECONDS:.0f} s.")


def _note_never_used(life: Life, grant: Mapping[str, Any]) -> None:
    """It ended before its holder could use it: right when its time was over by then, and lost otherwise."""
    life.username = grant["username"]
    life.is_over = True
    ends = grant["expires_at"]
    if not (ends and datetime.fromisoformat(ends).timestamp() <= time.time()):
        life.problems.append(f"It ended unused as {grant['reason']}: {grant.get('note') or grant.get('sentence')}")


def _use(life: Life, key: Key, town: Town) -> None:
    """The first login of their own, and how many users the target has of them."""
    life.server = town.servers.get(key.host, "")
    deadline = time.monotonic() + READY_SECONDS
    while (login := key.log_in()) is not Login.WORKS:
        if time.time() >= life.expires_at - 1:
            return
        if login in {Login.REFUSED, Login.POWERLESS}:
            life.problems.append(f"It is active, and its login: {login.value}.")
        if time.monotonic() > deadline or login is not Login.AWAY:
            return
        time.sleep(ASK_EVERY)
    life.usable_at = time.time()
    if life.server:
        pattern = {"user": {"$regex": f"^{re.escape(life.username)}"}}
        with contextlib.suppress(PyMongoError):  # Its server may have gone again; then nothing was seen.
            found = list(town.world.root(life.server).admin["system.users"].find(pattern))
            life.users_seen = sorted(f"{user['user']}@{user['db']}" for user in found)
            life.was_counted = True


def _rotated(life: Life, holder: Person, key: Key) -> Key | None:
    answer = holder.post(f"grants/{life.grant_id}/rotate/")
    if answer.status_code != HTTPStatus.ACCEPTED:
        return key  # It is about to end.
    renewed = _revealed(life, holder)
    key.close()
    if renewed is not None:
        _await_renewed(life, renewed)
    return renewed


def _await_renewed(life: Life, key: Key) -> None:
    """Atlas takes a new password at once and lets clusters know of it in its own time."""
    deadline = time.monotonic() + (RENEWED_SECONDS if life.plan.is_atlas else 0)
    while (login := key.log_in()) in {Login.REFUSED, Login.POWERLESS} and time.time() < life.expires_at - 1:
        if time.monotonic() > deadline:
            life.problems.append(f"Its new password: {login.value}.")
            return
        time.sleep(ASK_EVERY)


def _end(life: Life, key: Key, holder: Person) -> None:
    after = life.plan.released_after
    if after is not None and time.time() + after < life.expires_at - 1:
        _watch(life, key, until=time.time() + after)
        answer = holder.post(f"grants/{life.grant_id}/release/")
        life.ends_at = min(time.time(), life.expires_at)
        if answer.status_code not in {HTTPStatus.ACCEPTED, HTTPStatus.OK, HTTPStatus.CONFLICT}:
            life.problems.append(f"Release answers {answer.status_code}: {answer.text[:200]}")
    else:
        _watch(life, key, until=life.ends_at)
    _await_refusal(life, key)


def _watch(life: Life, key: Key, *, until: float) -> None:
    """Nothing is taken before its time."""
    while time.time() < until - LOOK_EVERY:
        look = key.read()
        if look is not Login.WORKS and time.time() < until:
            look = key.log_in()
        if look in {Login.REFUSED, Login.POWERLESS} and time.time() < life.expires_at:
            life.problems.append(f"It was taken {life.expires_at - time.time():.1f} s before its end.")
            return
        time.sleep(min(0.5, max(LOOK_EVERY, until - time.time() - LOOK_EVERY)))


def _await_refusal(life: Life, key: Key) -> None:
    deadline = time.time() + CUT_SECONDS
    while time.time() < deadline:
        # The open connection is cheap to ask; what counts is a new one.
        if key.read() is not Login.WORKS and key.log_in() in {Login.REFUSED, Login.POWERLESS}:
            life.refused_at = time.time()
            life.is_over = True
            return
        time.sleep(LOOK_EVERY)
    life.problems.append(f"It still works {CUT_SECONDS:.0f} s after its end.")


def problems_of(lives: Sequence[Life]) -> list[str]:
    return [f"{life}: {problem}" for life in lives for problem in life.problems]
