"""Guards what is not ours on a MongoDB target: only what our tag proves is ended, and nothing that looks alike is missed."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from accessrequests.domain import naming
from tests.workers.provisioners.conftest import INSTALLATION, SHOP, Another, MakeSpec, give, stored_user
from tests.workers.provisioners.contract import owned
from tests.workers.provisioners.visitors import Client, Holder
from workers.provisioners.base import ProvisionerError
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class TestWhatIsNotOurs:
    def test_a_person_of_the_same_name_is_never_touched(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client
    ) -> None:
        spec = make_spec(f"read@{SHOP}.orders")
        root.admin.command("createUser", spec.username, pwd="theirs", roles=[{"role": "readWrite", "db": SHOP}])
        before = stored_user(root, spec.username)

        for act in (provisioner.prepare, provisioner.open, provisioner.rotate):
            with pytest.raises(ProvisionerError) as failure:
                act(spec)
            assert failure.value.permanent
        for evidence in (*provisioner.cut([spec]), provisioner.clean(spec)):
            assert not evidence.done
            assert evidence.facts == {"not_ours": 1}
            assert spec.username in evidence.remains[0]

        assert stored_user(root, spec.username) == before
        found = owned(provisioner, spec)
        assert found is not None
        assert not found.proven

    def test_an_erased_tag_is_named_and_not_taken_for_gone(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client
    ) -> None:
        spec = give(provisioner, make_spec())
        root.admin.command("updateUser", spec.username, customData={})

        found = owned(provisioner, spec)
        assert found is not None
        assert (found.proven, found.powerless, found.grant_id) == (False, False, spec.grant_id)
        evidence = provisioner.clean(spec)
        assert not evidence.done
        assert stored_user(root, spec.username) is not None

    def test_a_copied_tag_does_not_make_a_stranger_ours(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client
    ) -> None:
        spec = give(provisioner, make_spec())
        stored = stored_user(root, spec.username)
        assert stored is not None
        stranger = f"{INSTALLATION}-standing-{spec.grant_id}"
        root.admin.command("createUser", stranger, pwd="theirs", roles=["root"], customData=stored["customData"])

        found = {entry.username: entry for entry in provisioner.list_ours()}[stranger]
        assert not found.proven
        evidence = provisioner.clean(spec)

        assert evidence.done
        assert stranger in evidence.remains[0]
        assert stored_user(root, stranger) is not None
        assert stored_user(root, spec.username) is None

    @pytest.mark.parametrize("field", ["installation", "grant", "end", "mac"])
    def test_a_forged_tag_proves_nothing(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client, tagger: Tagger, field: str
    ) -> None:
        spec = give(provisioner, make_spec())
        principal = f"{spec.username}@admin"
        tag = tagger.make(principal=principal, grant_id=spec.grant_id, end=spec.expires_at)
        forged = {
            "installation": "another",
            "grant": "999999",
            "end": (spec.expires_at + timedelta(days=9)).isoformat(),
            "mac": "0" * 64,
        }
        root.admin.command("updateUser", spec.username, customData={"accessRequests": {**tag, field: forged[field]}})

        found = owned(provisioner, spec)
        assert found is not None
        assert not found.proven
        assert not provisioner.readiness(spec).exact
        assert not provisioner.cut([spec])[0].done
        assert stored_user(root, spec.username) is not None

    def test_the_users_of_another_installation_are_not_listed_as_proven(
        self, provisioner: MongoDBProvisioner, another: Another, make_spec: MakeSpec
    ) -> None:
        installation = f"{INSTALLATION}x"
        foreign = another(tagger=Tagger(installation=installation, target=SHOP, key=b"another key" * 4))
        spec = make_spec()
        name = naming.username_for(installation=installation, grant_id=spec.grant_id, person="alice")
        theirs = give(foreign, dataclasses.replace(spec, username=name))

        assert owned(provisioner, theirs) is None
        assert not provisioner.cut([theirs])[0].done
        assert foreign.readiness(theirs).usable
        assert foreign.clean(theirs).done

    def test_a_role_of_ours_that_somebody_else_was_given_is_emptied_and_named(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client, host: str
    ) -> None:
        spec = give(provisioner, make_spec(f"read@{SHOP}.orders"))
        role = naming.role_name_for(spec.username, ordinal=1)
        friend = dataclasses.replace(spec, username=f"{INSTALLATION}-friend-{spec.grant_id}", password="theirs")
        root.admin.command("createUser", friend.username, pwd="theirs", roles=[{"role": role, "db": SHOP}])
        assert Holder(host).can_work(friend)

        provisioner.cut([spec])
        evidence = provisioner.clean(spec)

        assert not evidence.done
        assert friend.username in evidence.remains[0]
        assert not Holder(host).can_work(friend)
        root.admin.command("dropUser", friend.username)
        assert provisioner.clean(spec).done

    def test_an_orphaned_role_is_listed_and_cleaned(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client
    ) -> None:
        spec = give(provisioner, make_spec(f"read@{SHOP}.orders"))
        root.admin.command("dropUser", spec.username)

        found = owned(provisioner, spec)
        assert found is not None
        assert (found.grant_id, found.proven, found.powerless) == (spec.grant_id, False, True)

        assert provisioner.clean(dataclasses.replace(spec, roles=())).done
        assert owned(provisioner, spec) is None
