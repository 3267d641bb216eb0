"""Guards the Atlas of the sandbox as a process: what its seed holds, who may do what, and that it goes on after an end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sandbox.atlas.organisation import SNAPSHOT
from sandbox.ecommerce import DEV, LEAST_ROLES, PROD
from sandbox.stand_in import SEED, StandIn

CONTROL = "control"
ACCEPT = "application/vnd.atlas.2025-03-12+json"


class Process:
    """The stand-in without its clusters: what is only said needs none."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.state = stand_in.state(control_token=CONTROL)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        told = {"PATH": os.environ["PATH"], **self.stand_in.environment(control_token=CONTROL)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.atlas"], env=told, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx2.get(self.stand_in.url)
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("The stand-in does not answer.")

    def end(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=20)

    def client(self, login: dict[str, str] | None = None) -> httpx2.Client:
        keys = self.state if login is None else login
        form = {"grant_type": "client_credentials"}
        answer = httpx2.post(
            f"{self.stand_in.url}/api/oauth/token", data=form, auth=(keys["client_id"], keys["client_secret"])
        )
        headers = {"Accept": ACCEPT, "Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx2.Client(base_url=f"{self.stand_in.url}/api/atlas/v2", headers=headers)

    def group(self, rest: str, name: str = DEV) -> str:
        return f"/groups/{self.state['projects'][name]}{rest}"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    stand_in = StandIn(tmp_path_factory.mktemp("stand-in"))
    stand_in.write_files(shop_password="open to the shop", authority="")
    process = Process(stand_in)
    process.start()
    yield process
    process.end()
    stand_in.release()


def listed(client: httpx2.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_the_product_has_the_least_roles_and_the_owner_all(process: Process) -> None:
    with process.client() as product, process.client(process.state["owner"]) as owner:
        assert product.get(process.group("/userSecurity")).json()["errorCode"] == "USER_UNAUTHORIZED"
        assert owner.get(process.group("/userSecurity")).status_code == 200
        accounts = {each["clientId"]: each for each in listed(product, process.group("/serviceAccounts"))}
        assert set(accounts[process.state["client_id"]]["roles"]) == set(LEAST_ROLES)
        assert len(accounts.keys() - {process.state["client_id"], process.state["owner"]["client_id"]}) == 2


def test_both_ways_of_signing_in_lead_to_the_same(process: Process) -> None:
    keys = process.state
    digest = httpx2.DigestAuth(keys["public_key"], keys["private_key"])
    url = f"{process.stand_in.url}/api/atlas/v2"
    with httpx2.Client(base_url=url, auth=digest, headers={"Accept": ACCEPT}) as by_key, process.client() as by_token:
        path = process.group("/databaseUsers", PROD)
        names = [each["username"] for each in listed(by_key, path)]
        assert names == [each["username"] for each in listed(by_token, path)]
    assert {"shop-app", "shop-reports"} <= set(names)


def test_people_are_where_the_contract_puts_them(process: Process) -> None:
    with process.client(process.state["owner"]) as owner:
        members = listed(owner, process.group("/users"))
        owners = [each["username"] for each in members if "GROUP_OWNER" in each["roles"]]
        assert owners == ["bob@example.com"]
        organisation = f"/orgs/{process.state['org_id']}"
        active = {
            each["username"]
            for each in listed(owner, f"{organisation}/users")
            if each["orgMembershipStatus"] == "ACTIVE"
        }
        assert active - {each["username"] for each in members} >= {"grace@example.com", "nora@example.com"}
        assert {each["name"] for each in listed(owner, f"{organisation}/teams")} == {"analysts", "backend"}
        assert listed(owner, process.group("/teams")) == []


def test_addresses_for_trying_are_on_no_access_list(process: Process) -> None:
    with process.client() as client:
        for name in process.state["projects"]:
            blocks = {each["cidrBlock"] for each in listed(client, process.group("/accessList", name))}
            assert blocks == {"127.0.0.1/32", "10.20.0.0/16", "192.0.2.10/32"}


def test_goes_on_where_it_ended(process: Process) -> None:
    user = {
        "databaseName": "admin",
        "username": "stays",
        "password": "a password of some length",
        "roles": [{"roleName": "read", "databaseName": "shop"}],
    }
    with process.client() as client:
        assert client.post(process.group("/databaseUsers"), json=user).status_code == 201
        before = listed(client, process.group("/databaseUsers"))
    assert process.end() == 0
    for name in (SEED, SNAPSHOT):
        assert (process.stand_in.directory / name).stat().st_mode & 0o777 == 0o600
    process.start()
    with process.client() as client:
        assert listed(client, process.group("/databaseUsers")) == before
        assert client.delete(process.group("/databaseUsers/admin/stays")).status_code == 204
