"""Guards the main job: what was approved works, nothing more does, and at the deadline all of it is gone."""

from __future__ import annotations

import pytest
from pymongo.errors import OperationFailure

from sandbox.tour.hostile import UNAUTHORIZED, long_command
from tests.journeys.people import is_cut_off
from tests.journeys.world import World


class TestAskApproveUseExpire:
    @pytest.mark.slow
    def test_access_begins_with_the_approval_and_ends_with_the_deadline(self, world: World) -> None:
        before = world.targets["shop-prod"].users()
        asked = world.alice.ask(target="shop-prod", duration="PT12S")
        assert (asked["state"], asked["grant"]) == ("pending", None)
        assert set(world.targets["shop-prod"].users()) <= set(before), "Nothing is made before the approval."

        access = world.use(world.follow(world.bob.approve(asked), world.alice))
        with access.connect() as client, access.connect() as other:
            assert client.shop.orders.find_one() is not None
            for forbidden in (
                lambda: client.shop.orders.insert_one({"_id": -1}),
                client.shop.customers.find_one,
                client.warehouse.stock.find_one,
            ):
                with pytest.raises(OperationFailure) as refused:
                    forbidden()
                assert refused.value.code == UNAUTHORIZED
            running = long_command(other)

            world.await_refusal(access)

            world.wait_for(lambda: is_cut_off(client), what="the open connection is refused", seconds=3)
            running.expect_killed(within=3)
        ended = world.await_grant(access, "revoked")
        assert ended["reason"] == "expiry"
        assert {gate["state"] for gate in ended["gates"]} == {"clean"}
        assert world.traces(access) == []

    def test_every_step_is_recorded_once_and_the_chain_verifies(self, world: World) -> None:
        access = world.opened(target="shop-dev", duration="PT10M")
        access.person.post(f"grants/{access.grant['id']}/release/", expected=202)
        world.await_grant(access, "revoked")

        told = world.events(access)

        assert [event for event in told if not event.startswith("credential.erased")] == [
            "access_request.submitted",
            "access_request.approved",
            "grant.provisioning_started",
            "grant.activated",
            "credential.revealed",
            "grant.revocation_started",
            "grant.cut",
            "grant.revoked",
        ]
        assert world.dave.get("audit-events/verify/")["ok"] is True
