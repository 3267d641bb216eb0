"""Guards `manage.py targets`: the catalogue is what the file says, and a file with a mistake changes nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from accessrequests.models import AuditEvent, OutboxMessage, Target
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run, written

ENTRY: dict[str, Any] = {
    "name": "Shop production",
    "environment": "production",
    "owner": "data-owners",
    "data_classes": ["personal"],
    "kind": "mongodb",
    "offers": {"kinds": ["database_user"], "authentication": ["scram"]},
    "connect_to": {"hosts": ["127.0.0.1:27017"], "options": {"replicaSet": "rs0"}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A document with one value changed; `...` takes it away."""
    entry = deepcopy(ENTRY)
    *parents, last = path.split(".")
    place = entry
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return {"targets": {"shop": entry}}


class TestApply:
    def test_makes_the_target_and_has_its_inventory_read(self, db: None, tmp_path: Path) -> None:
        said = run("targets", "apply", written(tmp_path, {"targets": {"shop": ENTRY}}))

        target = Target.objects.get(slug="shop")
        assert said.startswith("Applied 1 targets.")
        assert {name: getattr(target, name) for name in ENTRY} == ENTRY
        assert AuditEvent.objects.get(subject="target/shop").event == "target.applied"
        assert OutboxMessage.objects.get(subject="target/shop").job == "read_inventory"

    def test_takes_the_example_of_the_docs(self, db: None) -> None:
        run("targets", "apply", str(Path(__file__).parents[2] / "docs" / "examples" / "targets.yaml"))

        assert Target.objects.filter(slug="shop-demo").exists()

    def test_learns_whose_the_logins_are_that_stand_there_anyway(self, db: None, tmp_path: Path) -> None:
        users = {
            "alice@admin": {"person": "alice"},
            "CN=reports@$external": {"service": "reports", "owners": ["bob", "carol"], "end_running": True},
        }
        offers = {**ENTRY["offers"], "kinds": ["role_grant", "project_role"], "project_roles": ["GROUP_READ_ONLY"]}
        principals = {
            "arn:aws:iam::123456789012:user/alice": {"method": "aws_iam", "person": "alice"},
            "uid=etl,dc=example": {"method": "ldap", "service": "etl", "owners": ["bob"]},
            "65d9c1b7c5f5f1f4f7a5e111/analysts": {"method": "oidc", "group": "Analysts", "members": ["bob", "carol"]},
        }
        declared = {"database_users": users, "members": {"alice": "alice@example.com"}, "principals": principals}
        entry = {**ENTRY, "offers": offers, **declared}

        run("targets", "apply", written(tmp_path, {"targets": {"shop": entry}}))

        target = Target.objects.get(slug="shop")
        assert target.declared == declared
        assert target.offers["project_roles"] == ["GROUP_READ_ONLY"]

    def test_learns_what_people_often_ask_for(self, db: None, tmp_path: Path) -> None:
        preset = {"name": "Look", "roles": ["find@shop.orders"], "duration": "PT60M", "reason_hint": "Why?"}

        run("targets", "apply", written(tmp_path, {"targets": {"shop": {**ENTRY, "presets": [preset]}}}))

        kept = {**preset, "duration": "PT1H", "clusters": [], "authentication": ""}
        assert Target.objects.get(slug="shop").presets == [kept]

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"roles": ["read"]}, "Target shop, preset 1: the key roles must be a list of roles or single actions"),
            ({"roles": []}, "the key roles must be a list"),
            ({"duration": "an hour"}, "the key duration must be a length like PT1H"),
            ({"duration": 60}, "the key duration must be a length like PT1H"),
            ({"authentication": "x509"}, "Target shop, preset 1: the target offers scram, not x509."),
            ({"password": "x"}, "Target shop, preset 1: the key password is unknown."),
            ({"name": "a\nb"}, "the key name must be one short line of text"),
        ],
    )
    def test_refuses_a_preset_that_is_wrong(
        self, db: None, tmp_path: Path, changes: dict[str, Any], sentence: str
    ) -> None:
        preset = {"name": "Look", "roles": ["read@shop.orders"], "duration": "PT1H", **changes}

        said = refused("targets", "apply", written(tmp_path, {"targets": {"shop": {**ENTRY, "presets": [preset]}}}))

        assert sentence in said
        assert not Target.objects.exists()

    def test_learns_what_the_offline_kit_may_do_and_who_may_hold_it(self, db: None, tmp_path: Path) -> None:
        kit = {"roles": ["readWrite@shop"], "holders": ["frank", "erin", "grace"]}
        run("targets", "apply", written(tmp_path, {"targets": {"shop": {**ENTRY, "offline_kit": kit}}}))

        assert Target.objects.get().declared["offline_kit"] == kit

    def test_refuses_two_presets_of_one_name_and_what_is_no_list(self, db: None, tmp_path: Path) -> None:
        preset = {"name": "Look", "roles": ["read@shop.orders"], "duration": "PT1H"}

        for found, sentence in ((preset, "a list of at most 12"), ([preset, preset], "several presets called Look")):
            entry = {**ENTRY, "presets": found}
            assert sentence in refused("targets", "apply", written(tmp_path, {"targets": {"shop": entry}}))

    def test_can_be_applied_again(self, db: None, tmp_path: Path) -> None:
        run("targets", "apply", written(tmp_path, {"targets": {"shop": ENTRY}}))
        run("targets", "apply", written(tmp_path, {"targets": {"shop": ENTRY}}))

        assert Target.objects.count() == 1

    def test_retiring_a_target_ends_its_grants(self, cast: Cast, tmp_path: Path) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        run("targets", "apply", written(tmp_path, {"targets": {"shop-prod": {**ENTRY, "retired": True}}}))

        grant.refresh_from_db()
        assert (grant.state, grant.end_reason) == ("revoking", "target_retired")

    @pytest.mark.parametrize(
        ("path", "value", "sentence"),
        [
            ("password", "hunter2", "Target shop: the key password is unknown."),
            ("environment", ..., "Target shop: the key environment is missing."),
            ("kind", "oracle", "Target shop: the key kind must be mongodb or atlas."),
            ("data_classes", "personal", "the key data_classes must be a list of words."),
            ("offers", ..., "Target shop: the key offers is missing."),
            ("offline_kit", {"holders": ["frank", "erin"]}, "offline_kit: the key roles is missing"),
            ("offline_kit", {"roles": ["read@shop.orders"], "holders": ["a", "b"]}, "a list of roles as role@database"),
            ("offline_kit", {"roles": ["read@shop"], "holders": ["frank"]}, "a list of two user names or more"),
            ("offers.kinds", [], "Target shop, offers: the key kinds must be a list of database_user"),
            (
                "offers.project_roles",
                ["GROUP_OWNER"],
                "project_roles must be a list of project roles that give no access",
            ),
            ("offers.project_roles", ["read@shop"], "project_roles must be a list of project roles"),
            ("database_users", ["alice"], "Target shop: the key database_users must be names as name@database"),
            ("database_users", {"alice": {"person": "alice"}}, "database user alice: write it as name@database"),
            ("database_users", {"alice@admin": {"person": 7}}, "the key person must be a user name"),
            (
                "database_users",
                {"x@admin": {"service": "x", "owners": []}},
                "the key owners must be a list of user names",
            ),
            ("database_users", {"x@admin": {"service": "x"}}, "database user x@admin: the key owners is missing"),
            ("members", ["alice"], "the key members must be user names"),
            (
                "principals",
                {"alice": {"method": "aws_iam", "person": "alice"}},
                "alice is not such a name. Write the ARN",
            ),
            (
                "principals",
                {"a=b": {"method": "scram", "person": "alice"}},
                "method must be one of aws_iam, oidc, ldap",
            ),
            ("principals", {"a=b": {"method": "ldap", "group": "all"}}, "principal a=b: the key members is missing"),
            (
                "principals",
                {"arn:aws:iam::123456789012:role/x": {"method": "aws_iam", "group": "x", "members": ["bob"]}},
                "AWS IAM has no groups that can sign in",
            ),
            ("members", {"alice": ""}, "the key members must be user names"),
            ("offers.kinds", ["root"], "Target shop, offers: the key kinds must be"),
            ("offers.authentication", ["plain"], "the key authentication must be a list of scram"),
            ("connect_to.hosts", [], "Target shop, connect_to: the key hosts must be a list of host:port"),
            ("connect_to.hosts", ["root:secret@127.0.0.1"], "without user and password"),
            ("connect_to.hosts", ["a,b/?authSource=x"], "the key hosts must be"),
            ("connect_to.options", {"tls": True}, "put numbers, true and false in quotes"),
            ("connect_to.user", "root", "Target shop, connect_to: the key user is unknown."),
            ("retired", "yes", "the key retired must be true or false."),
        ],
    )
    def test_names_the_key_that_is_wrong_and_changes_nothing(
        self, db: None, tmp_path: Path, path: str, value: Any, sentence: str
    ) -> None:
        said = refused("targets", "apply", written(tmp_path, changed(path, value)))

        assert sentence in said
        assert "hunter2" not in said
        assert not Target.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_lets_a_project_of_atlas_say_itself_where_its_clusters_are(self, db: None, tmp_path: Path) -> None:
        entry = {key: value for key, value in ENTRY.items() if key != "connect_to"} | {"kind": "atlas"}

        run("targets", "apply", written(tmp_path, {"targets": {"ecommerce": entry}}))

        target = Target.objects.get(slug="ecommerce")
        assert (target.kind, target.connect_to) == ("atlas", {"hosts": [], "options": {}})

    @pytest.mark.parametrize("slug", ["Shop", "shop prod", "../shop", "shop/prod"])
    def test_refuses_slugs_that_do_not_fit_an_address(self, db: None, tmp_path: Path, slug: str) -> None:
        assert "a slug is" in refused("targets", "apply", written(tmp_path, {"targets": {slug: ENTRY}}))
