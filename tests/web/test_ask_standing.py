"""Guards asks for roles of a login that stands anyway in the portal: offered where they fit, told as they are, no password."""

from __future__ import annotations

import pytest

from accessrequests.models import AccessRequest, Grant
from tests import make, standing
from tests.make import Cast
from tests.web.asking import REASON, live_part, press
from tests.web.browser import Browser, signed_in, text_of

ROLE_GRANT = "/request/?target=shop-prod&kind=role_grant&role=read@shop"
PROJECT_ROLE = "/request/?target=shop-prod&kind=project_role"


@pytest.fixture
def alice(cast: Cast) -> Browser:
    standing.declare()
    return signed_in(cast.alice)


class TestTheForm:
    def test_offers_no_choice_of_kinds_where_there_is_none(self, cast: Cast) -> None:
        assert 'name="kind"' not in text_of(signed_in(cast.alice).get("/request/?target=shop-prod"))

    def test_offers_roles_only_to_who_has_a_login_there(self, alice: Browser, cast: Cast) -> None:
        page = text_of(alice.get("/request/?target=shop-prod"))
        for kind in standing.KINDS:
            assert f'value="{kind}"' in page

        others = text_of(signed_in(cast.grace).get("/request/?target=shop-prod"))
        assert 'name="kind"' not in others

    def test_shows_ones_own_logins_and_what_a_service_means(self, alice: Browser) -> None:
        page = text_of(alice.get(ROLE_GRANT))
        assert 'value="alice@admin"' in page
        assert "reporting@admin belongs to the service reporting" in page
        assert "carol@admin" not in page
        assert 'name="source_addresses"' not in page

    def test_shows_project_roles_in_place_of_what_one_does_with_data(self, alice: Browser) -> None:
        page = text_of(alice.get(PROJECT_ROLE))
        assert page.index("GROUP_READ_ONLY") < page.index("GROUP_CLUSTER_MANAGER")
        assert 'name="want"' not in page
        assert 'name="roles"' not in page

    def test_keeps_what_is_chosen_when_the_kind_changes(self, alice: Browser) -> None:
        typed = {"target": "shop-prod", "kind": "project_role", "project_role": "GROUP_READ_ONLY", "reason": REASON}
        answer = alice.post("/request/", act="choose", **typed)
        assert "checked" in text_of(answer).partition('value="GROUP_READ_ONLY"')[2][:120]
        assert REASON in text_of(answer)


class TestFiling:
    def test_roles_for_ones_own_login(self, alice: Browser) -> None:
        assert press(alice, ROLE_GRANT, database_user="alice@admin", duration="PT1H").status_code == 303

        filed = AccessRequest.objects.get()
        assert (filed.kind, filed.database_user, filed.roles) == ("role_grant", "alice@admin", ["read@shop"])

    def test_without_a_login_is_said_beside_it(self, alice: Browser) -> None:
        answer = press(alice, ROLE_GRANT, duration="PT1H")
        assert answer.status_code == 422
        assert "Name the database user that gets the roles" in text_of(answer)

    def test_the_only_login_goes_without_saying(self, cast: Cast) -> None:
        standing.declare({"database_users": {"alice@admin": {"person": "alice"}}})
        assert press(signed_in(cast.alice), ROLE_GRANT, duration="PT1H").status_code == 303
        assert AccessRequest.objects.get().principal == "alice@admin"

    def test_a_project_role(self, alice: Browser) -> None:
        answer = press(alice, PROJECT_ROLE, project_role=["GROUP_READ_ONLY"], duration="PT1H")
        assert answer.status_code == 303
        assert AccessRequest.objects.get().roles == ["GROUP_READ_ONLY"]

        again = text_of(alice.get(f"/request/?again={AccessRequest.objects.get().pk}"))
        assert "checked" in again.partition('value="GROUP_READ_ONLY"')[2][:120]

    def test_no_project_role_is_said_beside_them(self, alice: Browser) -> None:
        answer = press(alice, PROJECT_ROLE, duration="PT1H")
        assert answer.status_code == 422
        assert "Choose a project role." in text_of(answer)

    def test_a_project_role_that_is_not_offered_is_said_beside_them(self, alice: Browser) -> None:
        answer = press(alice, PROJECT_ROLE, project_role=["GROUP_BACKUP_MANAGER"], duration="PT1H")
        assert answer.status_code == 422
        assert "Name each role that shop-prod offers once" in text_of(answer)


class TestTheRail:
    def test_tells_before_and_after_and_who_else_gets_it(self, alice: Browser) -> None:
        page = text_of(live_part(alice, ROLE_GRANT, database_user="reporting@admin", duration="PT1H"))
        assert "reporting@admin has read@shop and would have read@shop until the end." in page
        assert "whoever runs as it gets these roles too" in page
        assert "only we take them" in page

    def test_tells_that_nothing_is_revealed(self, alice: Browser) -> None:
        page = text_of(live_part(alice, PROJECT_ROLE, project_role=["GROUP_READ_ONLY"], duration="PT1H"))
        assert "Nothing is revealed: alice@example.com goes on with the login that it has." in page
        assert "See clusters, users, settings and activity of the project." in page


class TestTheAccess:
    @pytest.mark.parametrize(
        ("asked", "login", "deed"),
        [
            (standing.asked(), "alice@admin", "Read shop on shop-prod"),
            (
                {"kind": "project_role", "roles": ("GROUP_READ_ONLY",)},
                "alice@example.com",
                "Use GROUP_READ_ONLY in shop-prod",
            ),
        ],
    )
    def test_has_no_password_and_says_so(
        self, alice: Browser, cast: Cast, asked: dict[str, object], login: str, deed: str
    ) -> None:
        grant = make.activated(make.approved_grant(cast.alice, cast.bob, **asked))

        for address in ("/access/", f"/access/{grant.pk}/"):
            page = text_of(alice.get(address))
            assert deed in page
            assert "Nothing is revealed here" in page
            assert login in page
            assert "reveal/" not in page
            assert "rotate/" not in page
        others = text_of(signed_in(cast.bob).get(f"/access/{grant.pk}/"))
        assert "is shown the password" not in others
        answer = alice.post(f"/access/{grant.pk}/reveal/")
        assert answer.status_code == 409
        assert Grant.objects.get(pk=grant.pk).state == "active"

    def test_is_told_to_whoever_decides(self, alice: Browser, cast: Cast) -> None:
        data = make.submit(cast.alice, **standing.asked(database_user="reporting@admin"))
        role = make.submit(cast.alice, kind="project_role", roles=("GROUP_READ_ONLY",))

        page = text_of(signed_in(cast.grace).get(f"/requests/{data.pk}/"))
        assert "As reporting@admin, with the login that it has" in page
        assert "whoever runs as it gets these roles too" in page
        page = text_of(signed_in(cast.grace).get(f"/requests/{role.pk}/"))
        assert "the project itself" in page
        assert "See clusters, users, settings and activity of the project." in page
