"""Guards whose login an ask may name where others vouch for it, and that two asks never come to more than was approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accessrequests.models import AccessRequest, Grant, Target
from accessrequests.operations.refusals import Refused
from accessrequests.queries import asks, vouched
from accessrequests.queries.asks import Invalid
from accessrequests.queries.preview import preview
from tests import make
from tests.make import Cast

ROLE = "arn:aws:iam::123456789012:role/nightly-export"
BOBS = "arn:aws:iam::123456789012:user/bob"
GROUP = "65d9c1b7c5f5f1f4f7a5e111/analysts"
WORKLOAD = "65d9c1b7c5f5f1f4f7a5e111/export"
PRINCIPALS: dict[str, dict[str, Any]] = {
    ROLE: {"method": "aws_iam", "service": "nightly-export", "owners": ["alice", "frank"]},
    BOBS: {"method": "aws_iam", "person": "bob"},
    GROUP: {"method": "oidc", "group": "Analysts", "members": ["alice", "grace"]},
    WORKLOAD: {"method": "oidc", "service": "nightly-export", "owners": ["alice"]},
}


@pytest.fixture(autouse=True)
def target(cast: Cast) -> Target:
    made = make.make_atlas(authentication=("scram", "aws_iam", "oidc", "ldap"), principals=PRINCIPALS)
    make.publish_rules(make.rule("all", authentication=["scram", "aws_iam", "oidc", "ldap"], unscoped=True))
    return made


def errors(cast: Cast, **changes: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        asks.consider(requester=cast.alice, asked=make.asked_of_atlas(**changes), at=make.now())
    return refused.value.errors


def named(cast: Cast, name: str = ROLE, *, method: str = "aws_iam", **changes: Any) -> AccessRequest:
    return make.submit_to_atlas(cast.alice, authentication=method, principal=name, **changes)


class TestWhose:
    def test_ones_own_services_and_groups_may_be_named(self, cast: Cast) -> None:
        filed = named(cast)

        assert (filed.principal, filed.service) == (f"{ROLE}@$external", "nightly-export")
        assert filed.owners == ["alice", "frank"]
        assert filed.named_by_others == ROLE
        assert named(cast, WORKLOAD, method="oidc").principal == f"{WORKLOAD}@$external"
        assert named(cast, GROUP, method="oidc").principal == f"{GROUP}@admin"

    def test_nobody_elses_and_none_that_nobody_declared(self, cast: Cast) -> None:
        for name in (BOBS, "arn:aws:iam::123456789012:role/unknown"):
            said = errors(cast, authentication="aws_iam", principal=name)["principal"]
            assert said == [
                f"The catalogue does not declare {name} of ecommerce-prod as alice's. An administrator adds it."
            ]

    def test_a_name_has_the_form_of_its_method(self, cast: Cast) -> None:
        assert "Write the ARN" in errors(cast, authentication="aws_iam", principal=GROUP)["principal"][0]
        assert errors(cast, authentication="ldap")["principal"][0].startswith(
            "Name who signs in with LDAP. Write a dist"
        )
        assert (
            "does not declare"
            in errors(cast, authentication="oidc", principal=GROUP.upper().lower() + "x")["principal"][0]
        )

    def test_a_name_goes_with_no_other_way_to_sign_in(self, cast: Cast) -> None:
        assert "Leave principal out" in errors(cast, principal=ROLE)["principal"][0]

    def test_for_somebody_else_it_is_theirs_that_counts(self, cast: Cast) -> None:
        assert "as bob's" in errors(cast, authentication="aws_iam", principal=ROLE, grantee="bob")["principal"][0]
        assert named(cast, BOBS, grantee="bob").beneficiary == cast.bob
        assert named(cast, grantee="nightly-export").beneficiary == cast.alice

    def test_who_is_in_the_group_does_not_decide(self, cast: Cast) -> None:
        filed = named(cast, GROUP, method="oidc")

        with pytest.raises(Refused, match="would get"):
            make.approve(filed, cast.grace)
        assert make.approve(filed, cast.bob).state == "approved"

    def test_a_request_ends_where_the_catalogue_says_otherwise_meanwhile(self, cast: Cast) -> None:
        filed = named(cast)
        changed = {**PRINCIPALS, ROLE: {"method": "aws_iam", "person": "bob"}}
        make.apply_atlas(authentication=("scram", "aws_iam"), principals=changed)

        with pytest.raises(Refused, match="no longer declares"):
            make.approve(filed, cast.bob)

    def test_the_form_knows_what_may_be_named(self, cast: Cast, target: Target) -> None:
        found = vouched.of_person(target, cast.alice)

        assert [(method, name) for method, name, _ in found] == [
            ("oidc", GROUP),
            ("oidc", WORKLOAD),
            ("aws_iam", ROLE),
        ]
        assert "everyone in the group" in found[0][2].who_else


class TestPreview:
    def test_says_who_else_gets_it_and_what_becomes_of_the_login(self, cast: Cast, target: Target) -> None:
        asked = make.asked_of_atlas(authentication="oidc", principal=GROUP)
        said = preview(requester=cast.alice, asked=asked, at=make.now()).what_changes
        assert "Analysts is a group: everyone in the group gets it, and everyone loses it at the end." in said
        assert any("deleted with the last access that needs it" in line for line in said)

        inventory = target.inventory
        inventory.users = {f"{GROUP}@admin": ["read@shop"]}
        inventory.save()
        said = preview(requester=cast.alice, asked=asked, at=make.now()).what_changes
        assert any("has read@shop and would have" in line and "stays there" in line for line in said)

    def test_an_overlap_that_comes_to_more_is_refused_and_the_preview_says_so(self, cast: Cast) -> None:
        first = Grant.objects.get(access_request=make.approve(named(cast), cast.bob))
        other = make.asked_of_atlas(
            authentication="aws_iam", principal=ROLE, roles=("readWrite@shop",), clusters=("reports",)
        )

        found = preview(requester=cast.alice, asked=other, at=make.now())
        assert not found.verdict["allowed"]
        assert "would also give" in found.verdict["sentences"][0]
        with pytest.raises(Refused, match="would also give"):
            named(cast, roles=("readWrite@shop",), clusters=("reports",))
        assert named(cast, roles=("readWrite@shop",)).state == "pending", "where the first works too nothing multiplies"
        assert named(cast, WORKLOAD, method="oidc", clusters=("reports",)).state == "pending"
        wide = replace(other, clusters=(), roles=("readWrite@shop",))
        assert "on every cluster" in preview(requester=cast.alice, asked=wide, at=make.now()).verdict["sentences"][0]

        Grant.objects.filter(pk=first.pk).update(
            state="revoked",
            end_reason="expiry",
            revocation_started_at=make.now(),
            cut_at=make.now(),
            revoked_at=make.now(),
        )
        assert named(cast, roles=("readWrite@shop",), clusters=("reports",)).state == "pending"

    @pytest.mark.parametrize(
        ("reach", "says", "enough"),
        [
            ([], "works on every cluster, and the roles of a login count wherever it works", ()),
            (["orders", "reports"], "works on reports too", ("orders", "reports")),
        ],
    )
    def test_one_that_works_where_nobody_is_asked_is_refused_and_the_preview_says_so(
        self, cast: Cast, target: Target, reach: list[str], says: str, enough: tuple[str, ...]
    ) -> None:
        filed = named(cast)
        principal = f"{ROLE}@$external"
        target.inventory.users, target.inventory.reach = {principal: ["read@shop"]}, {principal: reach}
        target.inventory.save()
        asked = make.asked_of_atlas(authentication="aws_iam", principal=ROLE)

        found = preview(requester=cast.alice, asked=asked, at=make.now()).verdict
        assert not found["allowed"]
        assert says in found["sentences"][0]
        with pytest.raises(Refused, match=says):
            make.approve(filed, cast.bob)
        assert named(cast, clusters=enough).state == "pending"
        assert named(cast, WORKLOAD, method="oidc").state == "pending", "another login"

    def test_of_two_that_wait_only_one_is_approved(self, cast: Cast) -> None:
        first, second = named(cast), named(cast, roles=("readWrite@shop",), clusters=("reports",))
        grant = make.activated(Grant.objects.get(access_request=make.approve(first, cast.bob)))

        with pytest.raises(Refused, match=f"lives until {grant.expires_at:%-d %b %Y}"):
            make.approve(second, cast.bob)

    def test_an_access_does_not_stand_in_its_own_way(self, cast: Cast) -> None:
        filed = make.approve(named(cast, duration=timedelta(hours=1)), cast.bob)

        assert asks.judge_again(filed).allowed
