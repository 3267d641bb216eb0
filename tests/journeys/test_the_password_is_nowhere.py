"""Guards that a secret is where it belongs and nowhere else, be it a person's or our own: canaries, looked for everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx2
import psycopg
import pytest
import yaml

from accessrequests import sealing
from tests.journeys.heap import Broker, Heap, gather_files, gather_processes, gather_tables
from tests.journeys.people import Access, Login, log_in
from tests.journeys.portal import Portal
from tests.journeys.test_atlas_without_us import set_at_atlas
from tests.journeys.test_redis_and_workers_are_away import WORKERS, release
from tests.journeys.world import World

READABLE = ("access-requests/", "grants/", "targets/", "policies/", "audit-events/", "audit-events/export/")
PARTS = ("web", "relay", "worker", "worker_urgent", "redis", "postgres")


@pytest.fixture
def heap() -> Heap:
    return Heap()


@pytest.fixture
def answers(world: World, heap: Heap) -> Iterator[None]:
    """Every answer of the API goes on the heap, but for the reveals."""

    def listen(response: httpx2.Response) -> None:
        if not (response.request.url.path.endswith("/reveal/") and response.status_code == httpx2.codes.OK):
            heap.put("answers of the API", response.read())

    for person in world.people.values():
        person.api.event_hooks = {"response": [listen]}
    yield
    for person in world.people.values():
        person.api.event_hooks = {}


def gather_pages(world: World, pages: Mapping[str, Sequence[str]], heap: Heap) -> None:
    for name, paths in pages.items():
        with Portal(world.state(), name=name) as portal:
            for path in paths:
                answer = portal.get(path)
                assert answer.is_success, f"{name} sees {answer.status_code} at {path}"
                heap.put("pages", answer.content)


def gather_answers(world: World, access: Access) -> None:
    """Ask for all that can be read, as everybody; the answers fall on the heap by themselves."""
    target = f"targets/{access.grant['target']}/"
    request, grant = f"access-requests/{access.access_request['id']}/", f"grants/{access.grant['id']}/"
    single = [request, grant, target, f"{target}roles/"]
    for name in ("alice", "bob", "dave", "erin"):
        for path in (*READABLE, *single, "audit-events/verify/", "schema/"):
            world.people[name].api.get(path)


class TestPassword:
    @pytest.mark.slow
    def test_neither_the_first_nor_the_rotated_one_is_anywhere(self, world: World, heap: Heap, answers: None) -> None:
        state = world.state()
        with Broker(state["redis"], heap) as broker:
            with world.without(*WORKERS):
                access = world.approved(duration="PT30M")
                grant_id, request_id = access.grant["id"], access.access_request["id"]
                time.sleep(0.3)
                broker.read_keys()
            first = world.use(access).credential
            with world.without(*WORKERS):
                access.person.post(f"grants/{grant_id}/rotate/", expected=202)
                time.sleep(0.3)
                broker.read_keys()
            gather_processes({part: world.pids(part) for part in ("relay", "web")}, heap)
            world.wait_for(lambda: "credential.rotated" in world.events(access), what="the password is rotated")
            second = access.person.reveal(grant_id)
            broker.read_keys()
        assert log_in(first["connection_string"]) is Login.REFUSED
        assert log_in(second["connection_string"]) is Login.WORKS

        gather_pages(world, {"alice": ["/access/", f"/access/{grant_id}/", f"/requests/{request_id}/"]}, heap)
        parts = (*PARTS, "mongod:shop-prod")
        gather_processes({part: world.pids(part) for part in parts} | {"sandbox": [world.process.pid]}, heap)
        gather_answers(world, access)
        gather_tables(state["postgres"], heap)
        gather_files(Path(state["logs"]).parent, heap)
        heap.put("the sandbox's own words", world.output.read_bytes())

        assert heap.places_with(access.username) >= {"tables", "answers of the API", "pages"}, (
            "What is really there must be found, or finding nothing says nothing."
        )
        assert "mail" in heap.places_with(f"/requests/{request_id}/")
        assert "mongod-shop-prod" in heap.places_with(access.username)
        assert {"commands to Redis", "values of Redis"} <= heap.places_with("message_id")
        assert '"level": "debug"' in Path(state["logs"], "worker.log").read_text(), "The logs are those at DEBUG."
        for credential in (first, second):
            assert heap.places_with(credential["password"]) == set()
        release(world, access)


ATLAS = "ecommerce-dev"
ADDRESS = "127.0.0.78"
# Who signs in how, and where: Atlas makes the key of one certificate, and we make that of the other.
CERTIFIED = {"x509_managed": ATLAS, "x509": "ecommerce-staging"}


def of_account(world: World, path: Path) -> dict[str, str]:
    """Our own ways into Atlas: both accounts of the worker's record, and the tokens that they have now, each unsealed."""
    record = yaml.safe_load(path.read_text())["targets"][ATLAS]
    found = {}
    with psycopg.connect(world.state()["postgres"]) as connection:
        for name, login in (("account", record), ("owner", record["owner"])):
            account, secret = f"{record['base_url']} {login['client_id']}", login["client_secret"]
            query = "SELECT sealed FROM accessrequests_connectiontoken WHERE account = %s"
            ((sealed,),) = connection.execute(query, [account]).fetchall()
            found[f"secret of the {name}"] = secret
            found[f"token of the {name}"] = sealing.open_sealed(sealed, purpose=account, keys=sealing.key_of(secret))
    return found


def of_key(pem: str) -> str:
    """A line of the key itself: the first one begins as in every key of its sort."""
    return pem.partition("PRIVATE KEY-----\n")[2].splitlines()[1]


class TestAtlas:
    @pytest.mark.slow
    def test_neither_what_people_get_nor_what_we_have_ourselves_is_anywhere(
        self, world: World, heap: Heap, answers: None
    ) -> None:
        state = world.state()
        directory = Path(state["logs"]).parent
        with Broker(state["redis"], heap) as broker, set_at_atlas(world, apply_seconds=0.3, active_seconds=0.3):
            access = self.asked(world)
            certified = [self.asked(world, target, method=method) for method, target in CERTIFIED.items()]
            first = world.use(access).credential
            keys = [of_key(world.use(each).credential["certificate"]) for each in certified]
            world.alice.post(f"grants/{access.grant['id']}/rotate/", expected=202)
            world.wait_for(lambda: "credential.rotated" in world.events(access), what="the password is rotated")
            second = world.alice.reveal(access.grant["id"])
            more = {"duration": "PT1H", "reason": "The restore takes longer than we thought."}
            world.alice.post(f"grants/{access.grant['id']}/extend/", more, expected=202)
            world.wait_for(lambda: "grant.extended" in world.events(access), what="Atlas has the later end")
            broker.read_keys()
            assert log_in(second["connection_string"]) is Login.WORKS
            for each in (access, *certified):
                world.alice.post(f"grants/{each.grant['id']}/release/", expected=202)
            for each in (access, *certified):
                world.await_grant(each, "revoked")
            broker.read_keys()

        self.gather(world, access, directory, heap)

        ours = of_account(world, directory / "connections.yaml")
        assert heap.places_with(access.username) >= {"tables", "answers of the API", "pages"}
        assert '"level": "debug"' in Path(state["logs"], "worker.log").read_text(), "The logs are those at DEBUG."
        assert heap.places_with(state["atlas"]["client_id"]) >= {"tables", "connections.yaml"}
        where = {name: heap.places_with(canary) for name, canary in ours.items()}
        secrets = {"connections.yaml", "atlas"}  # the worker's record, and the seed of the stand-in
        assert where == {
            "secret of the account": secrets,
            "secret of the owner": secrets,
            "token of the account": set(),
            "token of the owner": set(),
        }
        assert heap.places_with(state["atlas"]["private_key"]) == {"atlas"}
        for canary in (state["slack"]["bot_token"], state["slack"]["signing_secret"], *state["totp"].values()):
            assert "tables" not in heap.places_with(canary)
        assert heap.places_with(of_key((directory / "x509.pem").read_text())) == {"x509.pem"}
        for canary in (first["password"], second["password"], *keys):
            assert heap.places_with(canary) == set()

    def asked(self, world: World, target: str = ATLAS, *, method: str = "scram") -> Access:
        said = world.alice.ask(
            target=target, duration="PT30M", authentication=method, clusters=["main"], source_addresses=[ADDRESS]
        )
        return world.follow(said, world.alice)

    def gather(self, world: World, access: Access, directory: Path, heap: Heap) -> None:
        grant_id, request_id = access.grant["id"], access.access_request["id"]
        mine = ["/access/", f"/access/{grant_id}/", f"/requests/{request_id}/"]
        of_target = [f"/targets/{ATLAS}/", f"/targets/{ATLAS}/others/", f"/targets/{ATLAS}/changes/", "/health/"]
        gather_pages(world, {"alice": mine, "erin": [*of_target, "/audit/"]}, heap)
        gather_processes({part: world.pids(part) for part in PARTS} | {"sandbox": [world.process.pid]}, heap)
        gather_answers(world, access)
        gather_tables(world.state()["postgres"], heap)
        gather_files(directory, heap)
        heap.put("the sandbox's own words", world.output.read_bytes())
