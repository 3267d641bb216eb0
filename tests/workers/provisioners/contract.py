"""The promises that every provisioner keeps, whatever its kind of target. A kind's own test file inherits them."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import pytest

from accessrequests.domain.lifecycle import GateName
from workers.provisioners.base import GrantSpec, Owned, Proof, Provisioner, ProvisionerError


class Visitor(Protocol):
    """The holder of a grant, who knows only the user name and the password, and nothing of our tables."""

    def can_log_in(self, spec: GrantSpec) -> bool: ...

    def can_work(self, spec: GrantSpec) -> bool: ...


def owned(provisioner: Provisioner, spec: GrantSpec) -> Owned | None:
    return next((found for found in provisioner.list_ours() if found.username == spec.username), None)


def with_password(spec: GrantSpec) -> GrantSpec:
    return dataclasses.replace(spec, password=secrets.token_urlsafe(24))


class ProvisionerContract:
    """Needs the fixtures `provisioner`, `make_spec` (a fresh grant that lets its holder work) and `visitor`."""

    user_proof = Proof.LOGIN

    @pytest.fixture
    def spec(self, make_spec: Callable[[], GrantSpec]) -> GrantSpec:
        return make_spec()

    def test_prepares_an_object_without_power(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)

        assert not visitor.can_work(spec)
        assert not provisioner.readiness(spec).usable
        found = owned(provisioner, spec)
        assert found is not None
        assert found.powerless

    def test_prepares_again_after_a_lost_answer(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.prepare(spec)
        provisioner.open(spec)

        assert visitor.can_work(spec)

    def test_opens_exactly_what_was_approved(self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)

        assert visitor.can_work(spec)
        readiness = provisioner.readiness(spec)
        assert readiness.usable
        assert readiness.gates[GateName.USER] is self.user_proof
        assert readiness.gates[GateName.ROLES] is Proof.READ_BACK

    def test_opens_again_after_a_lost_answer(self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.open(spec)

        assert visitor.can_work(spec)
        assert provisioner.readiness(spec).usable

    def test_a_late_prepare_does_not_take_an_open_access_away(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.prepare(spec)

        assert visitor.can_work(spec)
        assert provisioner.readiness(spec).usable

    def test_writes_the_end_and_the_grant_on_the_target(self, provisioner: Provisioner, spec: GrantSpec) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)

        found = owned(provisioner, spec)
        assert found is not None
        assert (found.grant_id, found.expires_at, found.proven) == (spec.grant_id, spec.expires_at, True)
        assert not found.powerless

    def test_an_end_that_moved_is_not_exact_until_it_is_opened_again(
        self, provisioner: Provisioner, spec: GrantSpec
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        later = dataclasses.replace(spec, expires_at=spec.expires_at + timedelta(hours=1))
        assert not provisioner.readiness(later).exact

        provisioner.open(later)

        assert provisioner.readiness(later).exact

    def test_extends_while_the_holder_goes_on_working(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        later = dataclasses.replace(
            spec, expires_at=spec.expires_at + timedelta(hours=1), other_ends=(spec.expires_at,)
        )
        assert provisioner.readiness(later).exact, "the old end counts as well while the new one is on its way"

        for _ in range(2):
            provisioner.extend(later)

        found = owned(provisioner, spec)
        assert found is not None
        assert (found.expires_at, found.proven) == (later.expires_at, True)
        assert provisioner.readiness(dataclasses.replace(later, other_ends=())).usable
        assert not provisioner.readiness(spec).exact
        assert visitor.can_work(spec)

    def test_an_extension_can_be_taken_back(self, provisioner: Provisioner, spec: GrantSpec) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.extend(dataclasses.replace(spec, expires_at=spec.expires_at + timedelta(hours=1)))

        provisioner.extend(spec)

        assert provisioner.readiness(spec).usable

    def test_a_late_extension_after_the_end_fails_and_gives_nothing_back(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.cut([spec])
        provisioner.clean(spec)

        with pytest.raises(ProvisionerError) as failure:
            provisioner.extend(dataclasses.replace(spec, expires_at=spec.expires_at + timedelta(hours=1)))

        assert failure.value.permanent
        assert not visitor.can_log_in(spec)
        assert owned(provisioner, spec) is None

    def test_rotates_the_password(self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        rotated = with_password(spec)

        provisioner.rotate(rotated)

        assert visitor.can_work(rotated)
        assert not visitor.can_log_in(spec)

    def test_cut_refuses_the_next_login_at_once(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)

        (evidence,) = provisioner.cut([spec])

        assert not visitor.can_log_in(spec)
        assert evidence.done
        assert evidence.remains == ()

    def test_cut_takes_many_and_answers_for_each(
        self, provisioner: Provisioner, make_spec: Callable[[], GrantSpec], visitor: Visitor
    ) -> None:
        specs = [make_spec() for _ in range(3)]
        for spec in specs[:2]:
            provisioner.prepare(spec)
            provisioner.open(spec)

        evidences = provisioner.cut(specs)

        assert [evidence.done for evidence in evidences] == [True, True, True]
        assert not any(visitor.can_log_in(spec) for spec in specs)

    def test_cut_of_nothing_touches_nobody(self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)

        assert provisioner.cut([]) == []

        assert visitor.can_work(spec)

    def test_clean_leaves_nothing(self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.cut([spec])

        evidence = provisioner.clean(spec)

        assert evidence.done
        assert evidence.remains == ()
        assert owned(provisioner, spec) is None
        assert not visitor.can_log_in(spec)

    def test_ending_what_is_gone_already_is_a_success(self, provisioner: Provisioner, spec: GrantSpec) -> None:
        provisioner.prepare(spec)
        for _ in range(2):
            assert provisioner.cut([spec])[0].done
            assert provisioner.clean(spec).done

    def test_ending_what_never_was_is_a_success(self, provisioner: Provisioner, spec: GrantSpec) -> None:
        assert provisioner.cut([spec])[0].done
        assert provisioner.clean(spec).done

    def test_a_late_open_after_the_end_fails_and_gives_nothing_back(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.cut([spec])
        provisioner.clean(spec)

        with pytest.raises(ProvisionerError) as failure:
            provisioner.open(spec)

        assert failure.value.permanent
        assert not visitor.can_log_in(spec)
        assert owned(provisioner, spec) is None

    def test_a_late_rotation_after_the_end_fails_and_gives_nothing_back(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.clean(spec)
        rotated = with_password(spec)

        with pytest.raises(ProvisionerError):
            provisioner.rotate(rotated)

        assert not visitor.can_log_in(rotated)

    def test_a_late_prepare_after_the_end_leaves_only_something_powerless_that_clean_removes(
        self, provisioner: Provisioner, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.open(spec)
        provisioner.cut([spec])
        provisioner.clean(spec)

        provisioner.prepare(spec)

        assert not visitor.can_work(spec)
        found = owned(provisioner, spec)
        assert found is not None
        assert found.powerless
        assert provisioner.clean(spec).done
        assert owned(provisioner, spec) is None

    def test_reads_the_inventory_without_our_own_objects(self, provisioner: Provisioner, spec: GrantSpec) -> None:
        provisioner.prepare(spec)

        snapshot = provisioner.read_inventory()

        assert {f"{role.name}@{role.database}" for role in spec.roles} <= set(snapshot.roles)
        assert not [name for name in snapshot.roles if spec.username in name]
        assert all(role.database in snapshot.databases for role in spec.roles)

    def test_finds_the_target_in_good_health(self, provisioner: Provisioner) -> None:
        health = provisioner.check()

        assert health.ok
        assert health.warnings == ()
        assert health.members
        assert abs(health.clock_skew) < 2
