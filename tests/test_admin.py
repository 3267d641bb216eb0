"""Guards the admin site: tables for administrators, nothing for others, no verb for anybody, no secret in sight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from accessrequests import admin, models
from accessrequests.operations import people, policy_drafts
from sandbox import catalogue
from tests import make
from tests.kept import Copy, Kept
from tests.make import Cast
from tests.web.browser import CHEAP, Browser, give_password, signed_in, text_of
from tests.web.grants import live

TABLES = tuple(admin.site._registry)
VERBS = ("add", "change", "delete", "history")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Every address that the site answers, as its pattern."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def addresses() -> list[str]:
    """Every address of the site with a row's number in it, and those that Django would have for the verbs."""
    [site] = [
        part for part in get_resolver().url_patterns if isinstance(part, URLResolver) and str(part.pattern) == "admin/"
    ]
    found = {"/" + route for route in routes(site.url_patterns, "admin/") if "(?P" not in route}
    filled = {
        route.replace("<path:object_id>", "1").replace("<int:content_type_id>", "1").replace("<path:object_id>", "1")
        for route in found
    }
    tables = {f"/admin/accessrequests/{model._meta.model_name}/" for model in TABLES}
    verbs = {f"{table}1/{verb}/" for table in tables for verb in VERBS} | {f"{table}add/" for table in tables}
    return sorted(filled | tables | verbs | {"/admin/", "/admin/password_change/", "/admin/logout/", "/admin/login/"})


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}


def body_of(model: type[Model]) -> dict[str, str]:
    """What a form that changes things would send: one value for each column, and each action that Django knows."""
    columns = {field.name: "1" for field in model._meta.fields}
    return {
        **columns,
        "action": "delete_selected",
        "_selected_action": "1",
        "post": "yes",
        "_save": "Save",
        "index": "0",
    }


@pytest.fixture(scope="session")
def kept_rows(kept_cast: Kept, django_db_blocker: DjangoDbBlocker) -> Copy[None]:
    with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=CHEAP):
        return kept_cast.keep("admin", lambda: one_of_each(kept_cast.cast.give()))


@pytest.fixture
def world(kept_rows: Copy[None], db: None) -> Cast:
    """At least one row in every table."""
    return kept_rows.give()


def one_of_each(cast: Cast) -> None:
    for person in (cast.alice, cast.erin, cast.mallory):
        give_password(person)
    people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    models.Identity.objects.create(
        person=cast.alice, issuer="https://id.example.com", subject="1", linked_at=make.now(), sealed_tokens=b"sealed"
    )
    models.ConnectionToken.objects.create(account="https://cloud.mongodb.com one", sealed=b"sealed")
    models.ConnectionBudget.objects.create(
        target="shop-prod", bucket="groups/accessList", capacity=1200, remaining=900, seen_at=make.now()
    )
    live(cast.alice, cast.bob)
    shared = models.SharedObject.objects.create(target=make.target(), kind="custom_role", key="access-1")
    at = make.now()
    models.Look.objects.create(target=make.target(), started_at=at, phase="check")
    models.Other.objects.create(target=make.target(), kind="user", name="billing@admin", first_seen_at=at)
    models.OutsideChange.objects.create(target=make.target(), event_id="1", event="JOINED_GROUP", kind="member", at=at)
    models.SharedCall.objects.create(
        target=make.target(), grant=models.Grant.objects.get(), lease_of=1, lease_number=1, says=[], began_at=at
    )
    shared.uses.create(grant=models.Grant.objects.get(), attempted_at=make.now())
    make.submit(cast.alice)
    models.Delegation.objects.create(
        giver=cast.grace, stand_in=cast.bob, made_at=at, starts_at=at, ends_at=at + timedelta(days=1)
    )
    drafted = policy_drafts.draft(text="", document=catalogue.policy_document(), actor=make.OPERATOR)
    drafted.approvals.create(person=cast.carol, at=make.now())


class TestNoVerb:
    @pytest.mark.parametrize("name", ["erin", "mallory"])
    def test_a_post_to_any_address_changes_nothing(self, world: Cast, name: str) -> None:
        browser = signed_in(getattr(world, name))
        before = everything()

        statuses = {}
        for address in addresses():
            table = address.split("/")[3] if address.count("/") > 3 else ""
            model = next((one for one in TABLES if one._meta.model_name == table), models.Grant)
            statuses[address] = browser.post(address, **body_of(model)).status_code

        assert len(statuses) > 5 * len(TABLES)
        assert {address for address, status in statuses.items() if status in {200, 201}} <= {
            "/admin/", *(f"/admin/accessrequests/{model._meta.model_name}/" for model in TABLES)
        }  # fmt: skip
        assert everything() == before
        assert browser.get("/access/").status_code == 200

    def test_there_is_no_address_for_a_verb(self, world: Cast) -> None:
        browser = signed_in(world.erin)

        for model in TABLES:
            table = f"/admin/accessrequests/{model._meta.model_name}/"
            for verb in ("add/", "1/delete/", "1/history/"):
                answer = browser.get(table + verb, follow=True)
                # Django takes it for the name of a row, does not find it, and leads to the first page.
                assert answer.status_code in {403, 404} or answer.redirect_chain[-1][0] == "/admin/"
        for path in ("password_change/", "logout/"):
            assert browser.get(f"/admin/{path}").status_code == 404


class TestTables:
    def test_each_is_shown_to_administrators_with_its_rows_and_without_a_button(self, world: Cast) -> None:
        browser = signed_in(world.erin)

        for model in TABLES:
            table = f"/admin/accessrequests/{model._meta.model_name}/"
            row = model._default_manager.order_by("pk").first()
            assert row is not None, table
            assert browser.get(f"{table}?q=alice").status_code in {200, 302}
            answers = [browser.get(path) for path in (table, f"{table}{row.pk}/change/")]
            assert [answer.status_code for answer in answers] == [200, 200], table
            pages = "".join(text_of(answer) for answer in answers)
            assert 'name="_save"' not in pages, table
            assert "deletelink" not in pages, table
            assert "addlink" not in pages, table
            assert 'name="action"' not in pages, table

    @pytest.mark.parametrize("name", ["alice", "bob", "dave", "mallory"])
    def test_none_is_shown_to_others(self, world: Cast, name: str) -> None:
        """One who has no part in anything tries every address, the others every table."""
        browser = signed_in(getattr(world, name))
        tables = [f"/admin/accessrequests/{model._meta.model_name}/" for model in TABLES]

        for address in addresses() if name == "mallory" else tables:
            assert browser.get(address).status_code in {302, 403, 404}, address
        assert browser.get("/admin/").status_code == 403

    def test_strangers_meet_the_products_own_sign_in(self, world: Cast) -> None:
        for path in ("/admin/", "/admin/accessrequests/grant/"):
            answer = Browser().get(path, follow=True)
            assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=%2Fadmin%2F")

    def test_no_secret_is_among_the_columns(self, world: Cast) -> None:
        credential, token = models.Credential.objects.get(), models.PersonalToken.objects.get()
        world.erin.refresh_from_db()
        browser = signed_in(world.erin)
        pages = [
            browser.get(f"/admin/accessrequests/credential/{credential.pk}/change/"),
            browser.get("/admin/accessrequests/credential/"),
            browser.get(f"/admin/accessrequests/personaltoken/{token.pk}/change/"),
            browser.get(f"/admin/accessrequests/person/{world.erin.pk}/change/"),
        ]

        shown = "".join(text_of(page) for page in pages)
        assert all(page.status_code == 200 for page in pages)
        assert "sealed" not in shown.lower()
        assert token.digest not in shown
        assert world.erin.password not in shown
        assert world.erin.password.rpartition("$")[2] not in shown

    def test_secrets_cannot_be_guessed_by_filtering(self, world: Cast) -> None:
        token = models.PersonalToken.objects.get()
        browser = signed_in(world.erin)

        for question in (
            f"personaltoken/?digest__startswith={token.digest[0]}",
            "person/?password__startswith=md5",
            "grant/?holder__password__startswith=md5",
            "credential/?sealed__isnull=False",
        ):
            answer = browser.get(f"/admin/accessrequests/{question}")
            assert answer.status_code in {302, 400}, question

    def test_who_administers_no_longer_sees_none_whatever_the_mark_says(self, world: Cast) -> None:
        marked = models.Person.objects.filter(pk=world.erin.pk, is_staff=True)
        browser = signed_in(world.erin)
        assert browser.get("/admin/").status_code == 200

        people.apply_people(groups={"administrators": {}}, entries={}, actor=make.OPERATOR)

        assert marked.exists(), "The file did not name her this time."
        assert browser.get("/admin/").status_code in {302, 403}
        assert browser.get("/admin/accessrequests/grant/").status_code in {302, 403}
