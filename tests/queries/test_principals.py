"""Guards asks for roles of logins that stand anyway: only one's own, only what is offered, and nobody who gains decides."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.privileges import Level
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import credentials, grants
from accessrequests.operations.refusals import NotReady, Refused
from accessrequests.queries import access_requests as access_request_queries
from accessrequests.queries import asks, clock, principals, voices
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.deciding import why_not_decide
from accessrequests.queries.preview import preview
from tests import make, standing
from tests.make import Cast


def errors_of(cast: Cast, **changes: Any) -> dict[str, list[str]]:
    with pytest.raises(asks.Invalid) as invalid:
        asks.consider(requester=cast.alice, asked=make.asked(**standing.asked(**changes)), at=clock.now())
    return invalid.value.errors


class TestWhoseItIs:
    @pytest.mark.parametrize("name", ["carol@admin", "nobody@admin"])
    def test_another_persons_login_and_none_at_all_are_refused_alike(self, cast: Cast, name: str) -> None:
        standing.declare()

        errors = errors_of(cast, database_user=name)

        assert errors == {
            "database_user": [
                f"The catalogue declares no database user {name} of shop-prod as alice's. An administrator adds it."
            ]
        }

    def test_it_is_named(self, cast: Cast) -> None:
        standing.declare()
        assert errors_of(cast, database_user="") == {
            "database_user": ["Name the database user that gets the roles, as name@database."]
        }
        assert "Leave database_user out" in errors_of(cast, kind="database_user")["database_user"][0]

    def test_what_belongs_to_the_login_is_not_asked_for(self, cast: Cast) -> None:
        standing.declare()
        assert "Leave source_addresses out" in errors_of(cast, source_addresses=("10.0.0.1",))["source_addresses"][0]

    def test_nobody_declared_is_no_atlas_user(self, cast: Cast) -> None:
        standing.declare({"members": {}})
        errors = errors_of(cast, kind="project_role", database_user="", roles=("GROUP_READ_ONLY",))
        assert errors["grantee"][0].startswith("The catalogue does not say which Atlas user of shop-prod alice is.")

    def test_a_kind_that_is_not_offered_is_refused(self, cast: Cast) -> None:
        standing.declare(kinds=["database_user"])
        assert "not role_grant" in errors_of(cast)["kind"][0]


class TestProjectRoles:
    def asked(self, *roles: str) -> dict[str, Any]:
        return {"kind": "project_role", "roles": roles}

    def test_are_those_on_offer_with_the_level_of_the_table(self, cast: Cast) -> None:
        standing.declare()

        found = make.submit(cast.alice, **self.asked("GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"))

        assert (found.principal, found.level) == ("alice@example.com", Level.ADMIN)
        assert found.roles == ["GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"]
        assert found.database_user == ""

    def test_others_are_not_there(self, cast: Cast) -> None:
        standing.declare()
        with pytest.raises(asks.Invalid) as invalid:
            make.submit(cast.alice, **self.asked("GROUP_BACKUP_MANAGER"))
        assert invalid.value.errors == {
            "roles": ["Name each role that shop-prod offers once: GROUP_READ_ONLY, GROUP_CLUSTER_MANAGER."]
        }

    @pytest.mark.parametrize("role", ["GROUP_OWNER", "GROUP_ACCESS_MANAGER"])
    def test_that_give_access_are_refused_by_the_policy(self, cast: Cast, role: str) -> None:
        standing.declare()
        with pytest.raises(Refused, match="can give or change access itself"):
            make.submit(cast.alice, **self.asked(role))

    def test_are_for_the_whole_project(self, cast: Cast) -> None:
        errors: dict[str, list[str]] = {}
        principals.check_reach(kind="project_role", clusters=["main"], addresses=[], errors=errors)
        assert errors == {"clusters": ["A project role is for the whole project. Leave clusters out."]}


class TestWhoGains:
    def test_no_owner_of_a_service_decides(self, cast: Cast) -> None:
        standing.declare()

        waiting = make.submit(cast.alice, **standing.asked(database_user="reporting@admin"))

        assert (waiting.service, waiting.owners) == ("reporting", ["alice", "bob"])
        with pytest.raises(Refused, match="Nobody decides on access that they ask for or would get"):
            make.approve(waiting, cast.bob)
        assert waiting not in access_request_queries.waiting_for(belonging_of(cast.bob))
        assert waiting in access_request_queries.waiting_for(belonging_of(cast.grace))
        (step,) = voices.steps_with_people([waiting])[waiting.pk]
        assert step["people"] == ["grace"]
        bob = belonging_of(cast.bob)
        verdict = asks.judge_again(AccessRequest.objects.get(pk=waiting.pk))
        assert "Nobody decides" in why_not_decide(bob, waiting, verdict, at=clock.now())
        assert not bob.may_end(waiting)
        assert make.approve(waiting, cast.grace).state == "approved"

    def test_the_service_may_be_named_as_who_gets_it(self, cast: Cast) -> None:
        standing.declare()
        waiting = make.submit(cast.alice, **standing.asked(database_user="reporting@admin", grantee="reporting"))
        assert waiting.beneficiary == cast.alice

    def test_a_login_of_ones_own_has_other_deciders(self, cast: Cast) -> None:
        standing.declare()
        assert make.approve(make.submit(cast.alice, **standing.asked()), cast.bob).state == "approved"


class TestPreview:
    def test_tells_what_the_login_has_and_would_have_and_who_else_gets_it(self, cast: Cast) -> None:
        standing.declare()

        found = preview(
            requester=cast.alice,
            asked=make.asked(**standing.asked(database_user="reporting@admin", roles=("readWrite@shop",))),
            at=clock.now(),
        )

        assert found.what_changes[:2] == [
            "reporting@admin has read@shop and would have read@shop, readWrite@shop until the end.",
            "reporting@admin belongs to the service reporting: whoever runs as it gets these roles too.",
        ]
        assert found.verdict["steps"] == [
            {"group": "data-owners", "needed": 1, "people": ["grace"], "voices": 1},
            *found.verdict["steps"][1:],
        ]

    def test_tells_of_a_project_role(self, cast: Cast) -> None:
        standing.declare()
        asked = make.asked(kind="project_role", roles=("GROUP_CLUSTER_MANAGER",))

        found = preview(requester=cast.alice, asked=asked, at=clock.now())

        assert found.what_this_lets_you_do == ["Change, pause and resume clusters."]
        assert found.what_changes == [
            "alice@example.com has GROUP_READ_ONLY and would have GROUP_READ_ONLY, GROUP_CLUSTER_MANAGER until the end."
        ]

    def test_what_the_login_may_do_already_is_not_new(self, cast: Cast) -> None:
        standing.declare()
        asked = make.asked(**standing.asked(database_user="reporting@admin", roles=("read@shop",)))

        found = preview(requester=cast.alice, asked=asked, at=clock.now())

        assert found.what_changes[-1] == "Nothing changes."

    def test_knows_of_no_role_before_the_login_was_read(self, cast: Cast) -> None:
        target = standing.declare()
        target.inventory.users = {}
        found = principals.what_changes(target, principals.Principal("x@admin"), ["read@shop"])
        assert found == ["x@admin has no role and would have read@shop until the end."]


class TestTheGrant:
    def test_has_a_gate_for_its_roles_and_no_password(self, cast: Cast) -> None:
        standing.declare()
        grant = make.approved_grant(cast.alice, cast.bob, **standing.asked())
        make.activated(grant)
        grant = Grant.objects.get(pk=grant.pk)

        assert [gate.gate for gate in grant.gates.all()] == ["roles"]
        assert grant.login == "alice@admin"
        assert not hasattr(grant, "credential")
        for verb in (credentials.reveal, credentials.rotate):
            with pytest.raises(NotReady, match="alice@admin goes on with the login that it has"):
                verb(grant_id=grant.pk, person=cast.alice, via=Via.API)

    @pytest.mark.parametrize(
        ("kind", "declared", "offers"),
        [
            ("role_grant", {}, {}),
            ("role_grant", {"database_users": {"alice@admin": {"person": "bob"}}}, {}),
            ("project_role", {"members": {"alice": "another@example.com"}}, {}),
            ("project_role", None, {"project_roles": ["GROUP_CLUSTER_MANAGER"]}),
        ],
    )
    def test_is_not_opened_once_the_catalogue_says_otherwise(
        self, cast: Cast, kind: str, declared: dict[str, Any] | None, offers: dict[str, Any]
    ) -> None:
        standing.declare()
        asked = standing.asked() if kind == "role_grant" else {"kind": kind, "roles": ("GROUP_READ_ONLY",)}
        grant = make.approved_grant(cast.alice, cast.bob, **asked)
        assert grant_queries.why_not_open(grant, at=clock.now()) is None
        standing.declare(declared, **offers)
        grant = grant_queries.with_everything(grant.pk)

        why = grant_queries.why_not_open(grant, at=clock.now())

        assert why is not None
        assert grants.start_provisioning(grant_id=grant.pk) is None

    def test_leaves_what_a_service_runs_alone_unless_it_is_declared(self, cast: Cast) -> None:
        standing.declare()
        own = make.submit(cast.alice, **standing.asked())
        service = make.submit(cast.alice, **standing.asked(database_user="reporting@admin"))
        assert [principals.ends_running(one) for one in (own, service)] == [True, False]

        standing.declare(
            {"database_users": {"reporting@admin": {"service": "reporting", "owners": ["alice"], "end_running": True}}}
        )
        service.target.refresh_from_db()
        assert principals.ends_running(service)
        assert principals.ends_running(own)

    def test_of_a_request_for_a_user_nothing_is_checked(self, cast: Cast) -> None:
        errors: dict[str, list[str]] = {}
        principals.check_still(make.submit(cast.alice), errors)
        assert errors == {}
