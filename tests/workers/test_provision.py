"""From approved to usable to gone, on a real mongod: what the target itself says at each step."""

from __future__ import annotations

import pytest
from pymongo.errors import OperationFailure

from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent
from accessrequests.operations import grants
from accessrequests.queries import audit
from tests.workers.conftest import SHOP, Work, drain


class TestProvision:
    def test_lets_the_person_do_what_was_approved_and_nothing_else(self, work: Work) -> None:
        grant = work.approved()
        assert work.users_named(grant.username) == []

        drain()

        grant.refresh_from_db()
        assert grant.state == "active", grant.last_error
        with work.login(grant) as client:
            assert client[SHOP].orders.count_documents({}) == 200
            for forbidden in (
                lambda: client[SHOP].orders.insert_one({}),
                lambda: client[SHOP].customers.find_one(),
                lambda: client["admin"].command("usersInfo", 1),
            ):
                with pytest.raises(OperationFailure) as caught:
                    forbidden()
                assert caught.value.code == 13

    def test_revokes_until_the_target_has_nothing_left(self, work: Work) -> None:
        grant = work.active()
        with work.login(grant) as client:
            client[SHOP].orders.find_one()
            grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)

            drain()

            with pytest.raises(OperationFailure):
                client[SHOP].orders.find_one()
        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoked", "released")
        assert work.users_named(grant.username) == []
        events = AuditEvent.objects.filter(subject=str(grant)).order_by("sequence").values_list("event", flat=True)
        assert list(events) == [
            "grant.provisioning_started",
            "grant.activated",
            "credential.revealed",
            "grant.revocation_started",
            "grant.cut",
            "grant.revoked",
        ]
        assert audit.verify().ok
