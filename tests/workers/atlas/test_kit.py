"""Guards the offline kit in an Atlas project: no grant's user and no stranger's, seen in use by the access history."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from accessrequests.domain.events import Job
from accessrequests.models import Inventory, KitUse, OfflineKit, Other
from accessrequests.operations import outbox
from accessrequests.queries import clock
from tests import kits as declared
from tests import make
from tests.sandbox.atlas.serving import PRIVATE_KEY, PUBLIC_KEY
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.rows import carry, compare
from workers import kits
from workers.connections import provisioner_for
from workers.provisioners.base import ProvisionerError

USER = f"ar-kit-{SLUG}"
SUBJECT = f"target/{SLUG}"


def stand(way: Way) -> OfflineKit:
    target = declared.declare("readWrite@shop", slug=SLUG)
    content = kits.content_for(target, ["readWrite@shop"])
    assert b"mongodb://ar-kit-ecommerce-prod:" in content.text
    return kits.make(target=target, holders=("frank", "erin"), content=content, actor=make.OPERATOR)


def logged_in(stand_in: StandIn, log: Path) -> None:
    """As the mongod of a cluster would write it."""
    said = {"principalName": USER, "authenticationDatabase": "admin", "remote": "203.0.113.9:50172", "mechanism": "x"}
    line = {"t": {"$date": clock.now().isoformat(timespec="milliseconds")}, "s": "I", "c": "ACCESS", "id": 20250}
    line |= {"ctx": "conn9", "msg": "Authentication succeeded", "attr": said}
    log.write_text(json.dumps(line, separators=(",", ":")) + "\n")
    stand_in.project.clusters["main"].log_path = str(log)


def test_is_made_seen_in_use_spent_and_ended(stand_in_way: Way, stand_in: StandIn, tmp_path: Path) -> None:
    kit = stand(stand_in_way)
    stand_in.carry_out()
    assert kits.check(kit) == ""
    logged_in(stand_in, tmp_path / "mongod.log")
    for _ in range(2):
        outbox.file_periodic(job=Job.WATCH_KIT, subject=SUBJECT, target=SLUG)
        assert carry(Job.WATCH_KIT, SUBJECT).done_at is not None

    use = KitUse.objects.get()
    assert (use.logins, use.addresses) == (1, ["203.0.113.9"])
    assert carry(Job.ROTATE_KIT, SUBJECT).done_at is not None
    assert OfflineKit.objects.get().state == "spent"
    stand(stand_in_way)  # a new one, for the same user
    kit = OfflineKit.objects.select_related("target").get()
    with pytest.raises(ProvisionerError, match="has not carried it out yet"):
        kits.end(kit=kit, actor=make.OPERATOR)
    stand_in.carry_out()
    assert kits.end(kit=kit, actor=make.OPERATOR).state == "ended"
    assert ("admin", USER) not in stand_in.project.database_users


def test_is_neither_a_stray_nor_a_strangers_and_a_change_to_it_is_noticed(stand_in_way: Way, stand_in: StandIn) -> None:
    kit = stand(stand_in_way)
    for _ in range(2):
        compare(SLUG)
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=SUBJECT, target=SLUG)
    carry(Job.READ_INVENTORY, SUBJECT)
    assert kits.check(kit) == ""
    assert not Other.objects.filter(name__startswith=USER).exists()
    assert f"{USER}@admin" not in Inventory.objects.get(target__slug=SLUG).users

    OfflineKit.objects.update(state="ended")  # as a restored backup may say
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=SUBJECT, target=SLUG)
    carry(Job.READ_INVENTORY, SUBJECT)
    assert "not on record" in Other.objects.get(name=f"{USER}@admin").detail

    with stand_in.served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as other:
        path = stand_in.served.path(f"/databaseUsers/admin/{USER}")
        named = {"databaseName": "admin", "username": USER}
        roles = [{"databaseName": "admin", "roleName": "readAnyDatabase"}]
        assert other.patch(path, json={**named, "roles": roles}).status_code == 200
        assert "should have readWrite@shop" in kits.check(kit)
        assert other.patch(path, json={**named, "labels": []}).status_code == 200
        assert "does not prove" in kits.check(kit)
        with pytest.raises(ProvisionerError, match="did not touch it"):
            provisioner_for(SLUG).kit.rotate(kits.spec_of(kit))
        assert other.delete(path).status_code == 204
    assert "no longer in the project" in kits.check(kit)
