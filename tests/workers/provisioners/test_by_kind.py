"""Guards that each grant goes to the code of its kind, and that a kind which a target does not have is refused for good."""

from __future__ import annotations

import dataclasses

import pytest

from accessrequests.models.access_requests import AccessKind
from tests.workers.provisioners.conftest import MakeSpec, give
from tests.workers.provisioners.visitors import Holder
from workers.ledger import PostgresLedger
from workers.provisioners.base import ProvisionerError
from workers.provisioners.by_kind import ByKind
from workers.provisioners.mongodb.extra_roles import ExtraRoles
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


@pytest.fixture
def both(provisioner: MongoDBProvisioner, tagger: Tagger, db: None) -> ByKind:
    extra = ExtraRoles(servers=provisioner.servers, tagger=tagger, ledger=PostgresLedger("shop-prod"))
    return ByKind(provisioner, {AccessKind.ROLE_GRANT: extra})


def test_a_user_is_made_and_ended_as_ever(both: ByKind, make_spec: MakeSpec, visitor: Holder) -> None:
    spec = make_spec()
    give(both, spec)  # type: ignore[arg-type]
    assert visitor.can_work(spec)

    both.rearm(spec)
    both.extend(dataclasses.replace(spec, expires_at=spec.expires_at))
    (cut,) = both.cut([spec])

    assert cut.done
    assert both.clean(spec).done
    assert not visitor.can_log_in(spec)


@pytest.mark.parametrize("kind", ["role_grant", "project_role"])
def test_nothing_that_was_added_to_somebody_has_a_password(both: ByKind, make_spec: MakeSpec, kind: str) -> None:
    spec = dataclasses.replace(make_spec(), kind=kind, principal="nobody@admin")
    both.rearm(spec)
    both.extend(spec)

    with pytest.raises(ProvisionerError, match="could have a password of ours") as failure:
        both.rotate(spec)

    assert failure.value.permanent


def test_a_kind_that_the_target_does_not_have_is_refused(both: ByKind, make_spec: MakeSpec) -> None:
    spec = dataclasses.replace(make_spec(), kind="project_role", principal="alice@example.com")

    with pytest.raises(ProvisionerError, match="gives no access of the kind project_role") as failure:
        both.prepare(spec)

    assert failure.value.permanent
