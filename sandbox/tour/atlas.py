"""The chapter about Atlas: three gates opened for one grant, seen from outside the product, and read back as gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from pymongo import MongoClient

from sandbox.bare_mongo import BareClient, BareError
from sandbox.tour.hostile import UNAUTHORIZED, expect_login_refused, expect_refused
from sandbox.tour.narrator import Narrator, expect
from sandbox.tour.person import Answer, Person, wait_until
from sandbox.tour.story import await_refusal

_TARGET = "ecommerce-prod"
_VERSION = "application/vnd.atlas.2025-02-19+json"
# Other addresses of this machine; none of them is on the list beforehand.
_HERS, _ELSEWHERE = "127.0.0.72", "127.0.0.71"
# Atlas takes a few seconds for each step, so the time box is longer than on a server of one's own.
_SHORT = "PT16S"
_LOGIN_REFUSED = {18, 8000}


class AtlasOwner:
    """An Organization Owner, who is nobody in the product and looks at the project through Atlas's own API."""

    def __init__(self, *, state: Mapping[str, Any]) -> None:
        said = state["atlas"]
        self._project = said["projects"][_TARGET]
        self._api = httpx2.Client(base_url=f"{said['url']}/api/atlas/v2", timeout=15, trust_env=False)
        form = {"grant_type": "client_credentials"}
        login = (said["owner"]["client_id"], said["owner"]["client_secret"])
        token = httpx2.post(f"{said['url']}/api/oauth/token", data=form, auth=login, trust_env=False).json()
        self._api.headers.update({"Accept": _VERSION, "Authorization": f"Bearer {token['access_token']}"})

    def close(self) -> None:
        self._api.close()

    def get(self, *path: str) -> Answer:
        """What is there; nothing where Atlas says that it is not."""
        segments = "/".join(quote(part, safe="") for part in ("groups", self._project, *path))
        answer = self._api.get(f"/{segments}", headers={"Accept": _VERSION})
        found: Answer = answer.json() if answer.is_success else {}
        expect(holds=answer.status_code in {200, 404}, found=f"Atlas answers {answer.status_code}: {answer.text[:300]}")
        return found

    def clusters(self) -> dict[str, str]:
        """Each with the address that people use."""
        return {
            cluster["name"]: urlsplit(cluster["connectionStrings"]["standard"]).netloc
            for cluster in self.get("clusters")["results"]
        }


class AtlasChapter:
    """Alice reads the orders of one of two production clusters, from one address, for a few seconds."""

    def __init__(self, *, state: Mapping[str, Any], people: Mapping[str, Person], tell: Narrator) -> None:
        self._people = people
        self._tell = tell
        self._stack = ExitStack()
        self._owner = AtlasOwner(state=state)
        self._stack.callback(self._owner.close)

    def play(self) -> None:
        with self._stack:
            self._tell.chapter("A migration needs the orders of one production cluster in Atlas, for a moment.")
            clusters = self._owner.clusters()
            scoped, other = sorted(clusters)[:2]
            grant = self._granted(scoped)
            self._expect_three_gates(grant, scoped)
            credential, client = self._used(grant)
            self._expect_narrow(credential, client, hosts=(clusters[scoped], clusters[other]), other=other)
            self._expect_gone(grant, credential, client)

    def _granted(self, cluster: str) -> Answer:
        tell, alice = self._tell, self._people["alice"]
        with tell.step(f"Alice asks for read@shop on {cluster} of {_TARGET}, from her own address alone."):
            asked = alice.ask(
                target=_TARGET,
                role="read@shop",
                duration=_SHORT,
                reason="Ticket 4714: compare orders before the move.",
                clusters=[cluster],
                source_addresses=[_HERS],
            )
            expect(holds=asked["state"] == "pending", found=asked)
        with tell.step("Bob approves it, and Atlas has carried all of it out: entry, user and roles."):
            decided = self._people["bob"].approve(asked)
            return alice.await_grant(decided["grant"]["id"], "active")

    def _expect_three_gates(self, grant: Answer, cluster: str) -> None:
        end = _whole_seconds(grant["expires_at"])
        with self._tell.step("The user carries the grant's id, one cluster, and the grant's end to the second."):
            user = self._owner.get("databaseUsers", "admin", grant["username"])
            expect(holds=str(grant["id"]) in {label["value"] for label in user.get("labels", ())}, found=user)
            expect(holds=[scope["name"] for scope in user["scopes"]] == [cluster], found=user)
            expect(holds=datetime.fromisoformat(user["deleteAfterDate"]) == end, found=user)
        with self._tell.step("The entry of the access list is ours, for that one address, with the same end."):
            entry = self._owner.get("accessList", f"{_HERS}/32")
            expect(holds=entry.get("comment", "").startswith("access-requests "), found=entry)
            expect(holds=datetime.fromisoformat(entry["deleteAfterDate"]) >= end, found=entry)

    def _used(self, grant: Answer) -> tuple[Answer, MongoClient[dict[str, Any]]]:
        with self._tell.step("Alice reveals the password, logs in as it is said there, and reads an order."):
            credential = self._people["alice"].post(f"grants/{grant['id']}/reveal/")
            client: MongoClient[dict[str, Any]] = MongoClient(credential["connection_string"])
            self._stack.callback(client.close)
            expect(holds=client.shop.orders.find_one() is not None, found="no order")
        return credential, client

    def _expect_narrow(
        self, credential: Answer, client: MongoClient[dict[str, Any]], *, hosts: tuple[str, str], other: str
    ) -> None:
        scoped, outside = hosts
        with self._tell.step("She may not insert (code 13)."):
            expect_refused(lambda: client.shop.orders.insert_one({"_id": -1}), UNAUTHORIZED)
        with self._tell.step(f"The same login is refused on {other}, the other cluster."):
            _expect_no_login(credential, host=outside, source=_HERS)
        with self._tell.step(
            f"From {_HERS} it works on the right one; from {_ELSEWHERE}, not on the list, it does not."
        ):
            expect(holds=_login(credential, host=scoped, source=_HERS) is None, found="it is refused")
            _expect_no_login(credential, host=scoped, source=_ELSEWHERE)

    def _expect_gone(self, grant: Answer, credential: Answer, client: MongoClient[dict[str, Any]]) -> None:
        with self._tell.step("The time is over: her open connection may do nothing any more."):
            await_refusal(client, seconds=40)
        with self._tell.step("A new login is refused."):
            expect_login_refused(credential["connection_string"])
        with self._tell.step("The product says revoked, with all three gates clean."):
            ended = self._people["alice"].await_grant(grant["id"], "revoked")
            gates = {gate["gate"]: gate["state"] for gate in ended["gates"]}
            expect(holds=gates == dict.fromkeys(("network", "user", "roles"), "clean"), found=ended["gates"])
        with self._tell.step("Atlas itself has neither the user nor the entry any more."):
            _await_nothing(lambda: self._owner.get("databaseUsers", "admin", grant["username"]))
            _await_nothing(lambda: self._owner.get("accessList", f"{_HERS}/32"))


def _await_nothing(look: Callable[[], Answer]) -> None:
    wait_until(lambda: not look(), what=lambda: f"it is there: {look()}", seconds=5)


def _expect_no_login(credential: Answer, *, host: str, source: str) -> None:
    """:raises Unexpected: it is let in, or refused for another reason."""
    code = _login(credential, host=host, source=source)
    expect(holds=code in _LOGIN_REFUSED, found=f"the answer is {code or 'a welcome'}")


def _login(credential: Answer, *, host: str, source: str) -> int | None:
    """The code with which it is refused, or nothing."""
    try:
        BareClient(host=host, username=credential["username"], password=credential["password"], source=source).close()
    except BareError as error:
        return int(error.code or 0)
    return None


def _whole_seconds(moment: str) -> datetime:
    """The first whole second that is not before: Atlas keeps no parts of one."""
    exact = datetime.fromisoformat(moment)
    floor = exact.replace(microsecond=0)
    return floor if floor == exact else floor + timedelta(seconds=1)
