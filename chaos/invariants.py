"""What must hold whatever was broken, read at the targets by clients that know no table of ours, and in the audit trail."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2

from chaos.life import AUTOMATIC, Life
from chaos.person import GaveUp, Person
from chaos.world import ChaosWorld

SETTLE_SECONDS = 90.0
_VERSION = "application/vnd.atlas.2025-02-19+json"
_LISTS = {
    "databaseUsers": ("username", "roles"),
    "accessList": ("cidrBlock", "comment"),
    "customDBRoles/roles": ("roleName", "actions"),
}
# Each exactly once in the life of an access that was used, in this order.
_ORDER = (
    *("access_request.submitted", "access_request.approved", "grant.activated"),
    *("grant.revocation_started", "grant.cut", "grant.revoked"),
)

Things = dict[str, str]  # a thing on a target, by its full name, with what it may do


class Targets:
    """Everything that stands on every server and in every project, as root and as the organisation's owner."""

    def __init__(self, world: ChaosWorld) -> None:
        self._world = world
        self._said = world.state()["atlas"]
        self._atlas = httpx2.Client(base_url=f"{self._said['url']}/api/atlas/v2", timeout=15, trust_env=False)

    def _sign_in(self) -> None:
        owner = self._said["owner"]
        answer = httpx2.post(
            f"{self._said['url']}/api/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(owner["client_id"], owner["client_secret"]),
            trust_env=False,
        )
        self._atlas.headers.update({"Accept": _VERSION, "Authorization": f"Bearer {answer.json()['access_token']}"})

    def close(self) -> None:
        self._atlas.close()

    def everything(self) -> Things:
        self._sign_in()
        return dict([*self._on_servers(), *self._in_projects()])

    def _on_servers(self) -> Iterator[tuple[str, str]]:
        for server in self._world.servers():
            admin = self._world.root(server).admin
            for user in admin["system.users"].find():
                roles = sorted(f"{role['role']}@{role['db']}" for role in user["roles"])
                yield f"user {user['user']}@{user['db']} on {server}", str(roles)
            for role in admin["system.roles"].find():
                yield f"role {role['role']}@{role['db']} on {server}", str(role["privileges"])

    def _in_projects(self) -> Iterator[tuple[str, str]]:
        for project, identifier in self._said["projects"].items():
            for path, (name, content) in _LISTS.items():
                answer = self._atlas.get(f"/groups/{identifier}/{path}", params={"itemsPerPage": 500})
                answer.raise_for_status()
                body = answer.json()
                for row in body if isinstance(body, list) else body["results"]:
                    yield f"{path} {row.get(name)} in {project}", str(row.get(content))


def differences(before: Things, after: Things) -> list[str]:
    left = [f"Left over: {name}" for name in sorted(after.keys() - before.keys())]
    gone = [f"Gone, and not ours: {name}" for name in sorted(before.keys() - after.keys())]
    changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return [*left, *gone, *(f"Changed: {name}" for name in sorted(changed))]


def await_quiet(dave: Person, lives: Sequence[Life], targets: Targets, before: Things) -> list[str]:
    """Wait until every access is over and the targets are as they were; what is not so when patience ends."""
    deadline = time.monotonic() + SETTLE_SECONDS
    waiting = [life for life in lives if life.grant_id]
    while True:
        waiting = [life for life in waiting if dave.get(f"grants/{life.grant_id}/")["state"] != "revoked"]
        found = [f"{life}: its grant is not revoked" for life in waiting]
        if not waiting:
            found = differences(before, targets.everything())
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(1)


def trail_of(dave: Person, life: Life) -> list[str]:
    """The names of its events, oldest first."""
    page: Mapping[str, Any] = dave.get("audit-events/", subject=f"access_request/{life.request_id}", page_size=200)
    return [str(event["event"]) for event in reversed(page["results"])]


def wrong_in_trail(events: Sequence[str], life: Life) -> list[str]:
    """Every step is told, each that happens once is told once, and they follow each other."""
    told = Counter(events)
    once = list(_ORDER)
    if not life.usable_at:
        once = [event for event in once if event != "grant.activated"]
    wrong = [f"{event} is told {told[event]} times" for event in once if told[event] != 1]
    if told["grant.activated"] > 1:
        wrong.append(f"grant.activated is told {told['grant.activated']} times")
    if life.plan.target not in AUTOMATIC and told["access_request.approval_given"] != 1:
        wrong.append(f"access_request.approval_given is told {told['access_request.approval_given']} times")
    if life.usable_at and not (told["credential.revealed"] and told["grant.provisioning_started"]):
        wrong.append("the start of its provisioning or the reveal is not told")
    places = [events.index(event) for event in once if event in told]
    if places != sorted(places):
        wrong.append(f"not in their order: {', '.join(events)}")
    return [f"{life}: {what}" for what in wrong]


def wrong_in_trails(dave: Person, lives: Sequence[Life]) -> list[str]:
    return [what for life in lives if life.grant_id for what in wrong_in_trail(trail_of(dave, life), life)]


def doubled(lives: Sequence[Life]) -> list[str]:
    """More than one user on the target, or none, at the moment of its holder's first login."""
    counted = [life for life in lives if life.was_counted]
    return [
        f"{life}: its users on {life.server} were {life.users_seen}" for life in counted if len(life.users_seen) != 1
    ]


def wrong_with_chain(dave: Person) -> list[str]:
    try:
        report = dave.get("audit-events/verify/")
    except GaveUp as error:
        return [str(error)]
    return [] if report["ok"] else [f"The chain does not verify: {report['first_bad']}"]


def posted_twice(world: ChaosWorld) -> int:
    """Messages that stand in Slack more than once: it has no key by which a repeat would be known."""
    slack = world.state()["slack"]
    headers = {"Authorization": f"Bearer {slack['control_token']}"}
    calls = httpx2.get(slack["record_url"], headers=headers, trust_env=False, timeout=30).json()["calls"]
    posts = Counter(
        str({name: call["args"].get(name) for name in ("channel", "text", "blocks", "thread_ts")})
        for call in calls
        if call["method"] == "chat.postMessage" and call["answer"].get("ok")
    )
    return sum(times - 1 for times in posts.values())
