"""Guards the doctor on the stand-in with real mongods behind it: of each broken set-up it names the right gate."""

from __future__ import annotations

import dataclasses
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from accessrequests.domain.diagnosis import Cause, GateView, findings
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.symptoms import hints_for
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.workers.atlas.living import HERE, INSTALLATION, TARGET, Living, Patient, Visitor, living, spec_of
from tests.workers.provisioners.visitors import code_of
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.provisioner import AtlasProvisioner
from workers.provisioners.base import GrantSpec, ProvisionerError
from workers.provisioners.tag import Tagger

ALL_OPEN = dict.fromkeys(GateName, GateView.OPEN)


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    with living(behind) as found:
        yield found


@dataclasses.dataclass(frozen=True)
class Broken:
    """A live access on the stand-in, to be broken in one way."""

    atlas: Living
    provisioner: Patient
    spec: GrantSpec
    visitor: Visitor

    def user(self, **changes: Any) -> None:
        with self.atlas.organisation.changing():
            self.atlas.project.database_users["admin", self.spec.username].update(changes)
            self.atlas.project.changed()
        self.atlas.settle()

    def entry(self, **changes: Any) -> None:
        with self.atlas.organisation.changing():
            self.atlas.project.access_list["127.0.0.1/32"].update(changes)

    def look(self) -> tuple[dict[GateName, GateView], list[str]]:
        """Each gate as it was found, and the causes."""
        found = findings(GateName, self.provisioner.diagnose(self.spec))
        causes = [cause["cause"] for finding in found for cause in finding["causes"]]
        return {GateName(one["gate"]): GateView(one["state"]) for one in found}, causes


@pytest.fixture
def give(db: None, cast: Cast, atlas: Living, behind: Behind) -> Iterator[Callable[..., Broken]]:
    provisioner = Patient(atlas)

    def give(*roles: str, **said: Any) -> Broken:
        spec = spec_of(make.approved_grant(cast.alice, cast.bob), *roles, **said)
        provisioner.prepare(spec)
        provisioner.open(spec)
        return Broken(atlas, provisioner, spec, Visitor(behind))

    yield give
    atlas.organisation.settings.apply_seconds = 0.0
    with atlas.organisation.changing():
        atlas.project.pending_entries.clear()
    provisioner.close()


def remove_the_entry(broken: Broken) -> None:
    with broken.atlas.organisation.changing():
        del broken.atlas.project.access_list["127.0.0.1/32"]
        broken.atlas.project.changed()
    broken.atlas.settle()


def leave_the_entry_pending(broken: Broken) -> None:
    with broken.atlas.organisation.changing():
        broken.atlas.project.pending_entries["127.0.0.1/32"] = time.time() + 60


def lapse_the_entry(broken: Broken) -> None:
    broken.entry(deleteAfterDate=_ago())


def delete_the_user(broken: Broken) -> None:
    with broken.atlas.organisation.changing():
        del broken.atlas.project.database_users["admin", broken.spec.username]
        broken.atlas.project.changed()
    broken.atlas.settle()


def lapse_the_user(broken: Broken) -> None:
    broken.user(deleteAfterDate=_ago())


def change_the_method(broken: Broken) -> None:
    broken.user(x509Type="CUSTOMER")


def move_the_scope(broken: Broken) -> None:
    broken.user(scopes=[{"name": "reporting", "type": "CLUSTER"}])


def pause_the_cluster(broken: Broken) -> None:
    with broken.atlas.organisation.changing():
        broken.atlas.project.clusters["main"].paused = True


def leave_the_cluster_pending(broken: Broken) -> None:
    broken.atlas.organisation.settings.apply_seconds = 60.0
    with broken.atlas.organisation.changing():
        broken.atlas.project.changed()


def take_the_role(broken: Broken) -> None:
    broken.user(roles=[{"databaseName": "access_requests_powerless", "roleName": "read"}])


def narrow_the_role(broken: Broken) -> None:
    broken.user(roles=[{"databaseName": "shop", "roleName": "read", "collectionName": "customers"}])


BROKEN: Mapping[str, tuple[Callable[[Broken], None], GateName, Cause]] = {
    "entry removed": (remove_the_entry, GateName.NETWORK, Cause.ENTRY_GONE),
    "entry pending": (leave_the_entry_pending, GateName.NETWORK, Cause.ENTRY_PENDING),
    "entry lapsed": (lapse_the_entry, GateName.NETWORK, Cause.ENTRY_LAPSED),
    "cluster paused": (pause_the_cluster, GateName.NETWORK, Cause.CLUSTER_PAUSED),
    "user deleted": (delete_the_user, GateName.USER, Cause.USER_GONE),
    "user lapsed": (lapse_the_user, GateName.USER, Cause.USER_LAPSED),
    "method changed": (change_the_method, GateName.USER, Cause.METHOD_CHANGED),
    "scope without the cluster": (move_the_scope, GateName.USER, Cause.CLUSTER_NOT_IN_SCOPE),
    "cluster not applied": (leave_the_cluster_pending, GateName.USER, Cause.NOT_APPLIED),
    "role taken away": (take_the_role, GateName.ROLES, Cause.ROLE_GONE),
    "role narrowed": (narrow_the_role, GateName.ROLES, Cause.ROLE_GONE),
}


class TestOneThingBroken:
    @pytest.mark.parametrize("name", BROKEN)
    def test_its_gate_is_named_and_no_other(self, give: Callable[..., Broken], name: str) -> None:
        act, gate, cause = BROKEN[name]
        broken = give()
        assert broken.look() == (ALL_OPEN, [])

        act(broken)
        gates, causes = broken.look()

        assert gates[gate] is GateView.SHUT
        assert [one for one, view in gates.items() if view is GateView.SHUT] == [gate]
        assert cause in causes

    @pytest.mark.parametrize(("left", "cause"), [([], Cause.ROLE_EMPTY), (1, Cause.ROLE_NARROWED)])
    def test_a_custom_role_that_was_emptied_or_narrowed(
        self, give: Callable[..., Broken], left: Any, cause: Cause
    ) -> None:
        broken = give("dbAdmin@shop.orders")
        assert broken.look() == (ALL_OPEN, [])
        with broken.atlas.organisation.changing():
            (role,) = broken.atlas.project.custom_roles.values()
            role["actions"] = role["actions"][:left] if left else []

        gates, causes = broken.look()

        assert gates == {**ALL_OPEN, GateName.ROLES: GateView.SHUT}
        assert causes == [cause]

    def test_a_cluster_that_is_no_more(self, give: Callable[..., Broken]) -> None:
        broken = give()
        elsewhere = dataclasses.replace(broken, spec=dataclasses.replace(broken.spec, clusters=("former",)))

        gates, causes = elsewhere.look()

        assert gates[GateName.NETWORK] is GateView.SHUT
        assert causes[0] == Cause.CLUSTER_GONE

    def test_atlas_that_does_not_answer_is_not_taken_for_a_shut_gate(self, give: Callable[..., Broken]) -> None:
        broken = give()
        with socket.create_server((HERE, 0)) as nobody:
            url = f"http://{HERE}:{nobody.getsockname()[1]}"
        record = dataclasses.replace(broken.atlas.record(), base_url=url)
        tagger = Tagger(installation=INSTALLATION, target=TARGET, key=secrets.token_bytes(32))
        away = AtlasProvisioner(record=record, tagger=tagger, ledger=PostgresLedger(TARGET))

        with pytest.raises(ProvisionerError) as failure:
            away.diagnose(broken.spec)

        away.close()
        assert failure.value.unreachable


class TestLogins:
    def test_that_come_from_elsewhere_are_told(self, give: Callable[..., Broken]) -> None:
        broken = give(addresses=("127.0.0.71",))
        assert broken.visitor.login(broken.spec) == 18

        gates, causes = broken.look()

        assert gates == {**ALL_OPEN, GateName.NETWORK: GateView.SHUT}
        assert causes == [Cause.LOGIN_FROM_ELSEWHERE]

    def test_with_an_older_password_are_told_until_one_goes_well(self, give: Callable[..., Broken]) -> None:
        broken = give()
        assert broken.visitor.login(broken.spec) is None
        newer = dataclasses.replace(broken.spec, password="a new password of 24 letters")
        broken.provisioner.rotate(newer)
        assert broken.visitor.login(broken.spec) == 18

        gates, causes = broken.look()
        assert gates == {**ALL_OPEN, GateName.USER: GateView.SHUT}
        assert causes == [Cause.LOGINS_REFUSED]

        assert broken.visitor.login(newer) is None
        assert broken.look() == (ALL_OPEN, [])

    def test_that_look_for_the_user_in_another_database_are_told(self, give: Callable[..., Broken]) -> None:
        broken = give()
        uri = broken.visitor.behind.mongods["main"].uri(broken.spec.username, broken.spec.password)
        with MongoClient[dict[str, Any]](uri, authSource="shop", serverSelectionTimeoutMS=3000) as client:
            assert code_of(lambda: client.admin.command("ping")) in {18, 334}

        assert broken.look() == ({**ALL_OPEN, GateName.USER: GateView.SHUT}, [Cause.LOGIN_IN_ANOTHER_DATABASE])

        assert broken.visitor.login(broken.spec) is None
        assert broken.look() == (ALL_OPEN, [])

    def test_on_a_cluster_outside_the_scope_and_beyond_the_role_are_hinted_at(
        self, give: Callable[..., Broken]
    ) -> None:
        """Every gate is as approved: what was tried is not what was granted."""
        broken = give()
        assert broken.visitor.login(broken.spec, cluster="reporting") == 18
        assert broken.visitor.insert(broken.spec) == 13

        assert broken.look() == (ALL_OPEN, [])
        hints = {(one.seen, hint.cause) for one in hints_for("atlas") for hint in one.hints}
        assert hints >= {
            ("Not authorized", "Role too small"),
            ("Works in development and not in production", "Another scope"),
        }


class TestAddresses:
    def test_a_wider_entry_lets_in_as_well(self, give: Callable[..., Broken]) -> None:
        broken = give()
        with broken.atlas.organisation.changing():
            entries = broken.atlas.project.access_list
            entries["127.0.0.0/8"] = {**entries.pop("127.0.0.1/32"), "cidrBlock": "127.0.0.0/8"}

        assert broken.look() == (ALL_OPEN, [])


def _ago() -> str:
    return (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


class TestHistory:
    def test_tells_every_login_of_the_user_and_what_was_tried_after_the_end(self, give: Callable[..., Broken]) -> None:
        since = datetime.now(UTC) - timedelta(seconds=1)
        broken = give()
        assert broken.visitor.login(broken.spec) is None
        broken.provisioner.cut([broken.spec])
        assert broken.visitor.login(broken.spec) == 18

        found = broken.provisioner.logins(broken.spec, since=since, until=datetime.now(UTC) + timedelta(seconds=1))

        assert {login.address for login in found} == {HERE}
        assert [login.went_well for login in sorted(found, key=lambda login: login.at)][-1] is False
        assert any(login.went_well for login in found)
