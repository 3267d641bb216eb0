"""Guards what workers find of others in an Atlas project: their users, roles and addresses, and what they changed."""

from __future__ import annotations

import httpx2
import pytest
from django.core import mail

from accessrequests.domain.events import Job
from accessrequests.models import Look, Other, OutsideChange
from accessrequests.operations import outbox
from tests.sandbox.atlas.serving import PRIVATE_KEY, PUBLIC_KEY
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.conftest import drain
from tests.workers.rows import carry, events_of, facts_of
from workers.provisioners.atlas import outside

TARGET = f"target/{SLUG}"
BILLING = {
    "databaseName": "admin",
    "username": "billing",
    "password": "long-enough-for-billing",
    "roles": [{"databaseName": "shop", "roleName": "read"}],
}


def read(job: Job) -> None:
    outbox.file_periodic(job=job, subject=TARGET, target=SLUG)
    assert carry(job, TARGET).done_at is not None


def test_is_listed_with_who_made_it_and_told_when_it_touches_ours(stand_in_way: Way, stand_in: StandIn) -> None:
    grant = stand_in_way.provision(stand_in_way.approved(), look=stand_in.carry_out)
    read(Job.READ_CHANGES)
    assert not OutsideChange.objects.exists(), "what we did ourselves is not outside"
    with stand_in.served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as other:
        path = stand_in.served.path
        assert other.post(path("/databaseUsers"), json=BILLING).status_code == 201
        role = {"roleName": "auditor", "actions": [{"action": "FIND", "resources": [{"db": "shop", "collection": ""}]}]}
        assert other.post(path("/customDBRoles/roles"), json=role).status_code == 202
        entry = [{"cidrBlock": "198.51.100.0/24", "comment": "office"}]
        assert other.post(path("/accessList"), json=entry).status_code == 201
        changed = {**BILLING, "username": grant.username}
        del changed["password"]
        answer = other.patch(path(f"/databaseUsers/admin/{grant.username}"), json=changed)
        assert answer.status_code == 200, answer.text

    read(Job.READ_CHANGES)
    read(Job.READ_INVENTORY)

    found = {other.name: (other.kind, other.made_by, other.detail) for other in Other.objects.all()}
    assert found == {
        "billing@admin": ("user", PUBLIC_KEY, "read@shop"),
        "auditor": ("role", PUBLIC_KEY, "1 action"),
        "198.51.100.0/24": ("entry", PUBLIC_KEY, "office"),
    }
    told = facts_of(TARGET, "target.changed_outside")
    assert [fact["ours"] for fact in told] == [False, False, False, True]
    drain()
    (message,) = [one for one in mail.outbox if "changed what is ours" in one.subject]
    assert f"{PUBLIC_KEY} changed the database user {grant.username}" in message.body
    assert message.to == ["erin@example.com"]
    assert Look.objects.get().changes_until is not None

    read(Job.READ_CHANGES)
    assert events_of(TARGET).count("target.changed_outside") == 4


def test_says_when_more_happened_than_is_read_at_once(
    stand_in_way: Way, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "MOST_EVENTS", 2)
    read(Job.READ_CHANGES)
    with stand_in.served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as other:
        for number in range(4):
            body = {**BILLING, "username": f"billing-{number}"}
            assert other.post(stand_in.served.path("/databaseUsers"), json=body).status_code == 201

    read(Job.READ_CHANGES)

    names = list(OutsideChange.objects.order_by("pk").values_list("event", "name"))
    made = "MONGODB_USER_ADDED"
    assert names == [("EVENTS_LEFT_OUT", ""), (made, "billing-2"), (made, "billing-3")]
    first = facts_of(TARGET, "target.changed_outside")[0]
    assert (first["what"], first["ours"]) == ("EVENTS_LEFT_OUT", False)
    assert "was left out: look at it on the target" in str(first["why"])
