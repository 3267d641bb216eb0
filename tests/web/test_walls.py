"""Guards what stands around every page: headers, the Host header, honest error pages, and text that stays text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from accessrequests import urls
from accessrequests.models import Person, Target
from accessrequests.operations import people
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, heading_of, signed_in, text_of
from tests.web.grants import live

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}{% debug %}'"
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip


def pages_of(cast: Cast) -> list[Any]:
    """Every kind of page, as the people see it who see most of it."""
    pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
    people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)
    give = ["/request/?target=shop-prod&role=read@shop.orders", "/access/", f"/access/{grant.pk}/", "/tokens/"]
    answers = [alice.get(path) for path in [*give, f"/requests/{pending.pk}/", "/nothing/", "/accounts/logout/"]]
    answers += [bob.get(path) for path in ("/approvals/", f"/approvals/{pending.pk}/", f"/access/{grant.pk}/")]
    answers += [Browser().get(path) for path in ("/accounts/login/", "/accounts/signup/")]
    answers += [
        alice.press(give[0], action="/request/", act="preview", reason="Refund totals are off."),
        alice.press(give[0], action="/request/", reason=""),
        bob.press(f"/approvals/{pending.pk}/", action=f"/approvals/{pending.pk}/deny/", reason=""),
        alice.press(f"/access/{grant.pk}/", action=f"/access/{grant.pk}/reveal/"),
        alice.press("/tokens/", name="", scopes=[]),
        bob.post(f"/access/{grant.pk}/reveal/"),
        alice.client.post("/tokens/"),
    ]
    return answers


class TestHeaders:
    def test_stand_on_every_page(self, cast: Cast) -> None:
        for answer in pages_of(cast):
            assert {part.strip() for part in answer["Content-Security-Policy"].split(";")} >= POLICY
            assert "unsafe" not in answer["Content-Security-Policy"]
            assert answer["X-Frame-Options"] == "DENY"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Referrer-Policy"] == "same-origin"
            assert "no-store" in answer["Cache-Control"]

    @pytest.mark.parametrize("host", ["evil.example.com", "testserver.evil.example.com", "testserver:80@evil", "a b"])
    def test_another_host_is_refused(self, cast: Cast, host: str) -> None:
        answer = signed_in(cast.alice).get("/access/", headers={"Host": host})

        assert answer.status_code == 400
        assert "evil" not in text_of(answer)

    def test_a_forwarded_host_counts_for_nothing(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/", headers={"X-Forwarded-Host": "evil.example.com"})

        assert answer["Location"] == "/access/"


class TestPages:
    def test_can_be_read_by_everybody(self, cast: Cast) -> None:
        """What a machine can find of WCAG 2.2: landmarks, one heading, names of fields, references that lead somewhere."""
        for answer in pages_of(cast):
            page = text_of(answer)
            ids = re.findall(r'\sid="([^"]+)"', page)
            assert '<html lang="en">' in page
            assert re.search(r"<title>\s*\S", page)
            assert len(heading_of(answer)) > 3
            assert page.count('<main id="main"') == 1
            assert 'href="#main"' in page
            assert len(ids) == len(set(ids)), sorted(ids)
            for named in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', page):
                assert set(named.split()) <= set(ids)
            for anchor in re.findall(r'href="#([^"]+)"', page):
                assert anchor in ids
            for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page):
                if 'type="hidden"' not in field:
                    name = re.search(r'\sid="([^"]+)"', field)
                    assert name, field
                    assert f'for="{name[1]}"' in page, field

    def test_hold_no_inline_script_and_no_inline_style(self, cast: Cast) -> None:
        for answer in pages_of(cast):
            assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:", text_of(answer))


class TestInert:
    def test_what_people_type_stays_text(self, cast: Cast) -> None:
        Person.objects.filter(pk=cast.alice.pk).update(name=EVIL)
        Target.objects.filter(slug="shop-prod").update(name=EVIL, data_classes=[EVIL])
        cast.alice.refresh_from_db()
        pending = make.submit(cast.alice, reason=EVIL, ticket=EVIL)
        grant = live(cast.alice, cast.bob, reason=EVIL)
        alice, bob = signed_in(cast.alice), signed_in(cast.bob)
        bob.post(f"/access/{grant.pk}/revoke/", reason=EVIL)
        denied = make.submit(cast.alice)
        bob.post(f"/approvals/{denied.pk}/deny/", revision="1", reason=EVIL)
        alice.post("/tokens/", name=EVIL[:100], scopes=["read"])

        answers = [
            bob.get("/approvals/"),
            bob.get(f"/approvals/{pending.pk}/"),
            alice.get(f"/requests/{denied.pk}/"),
            alice.get("/access/"),
            alice.get(f"/access/{grant.pk}/"),
            alice.get("/tokens/"),
            alice.press("/request/?target=shop-prod", action="/request/", reason=EVIL, roles=EVIL, ticket=EVIL),
            alice.post("/request/", target=EVIL, roles=EVIL, reason=EVIL, duration=EVIL, starts_at=EVIL),
            alice.get("/request/", query_params={"target": EVIL, "role": EVIL}),
            bob.post(f"/approvals/{pending.pk}/approve/", revision="1", duration=EVIL, comment=EVIL),
            Browser().press("/accounts/login/", login=EVIL, password="x", next=EVIL),
        ]

        for answer in answers:
            page = text_of(answer)
            assert "<script" not in page
            assert "<img" not in page
            assert " onerror=alert(2)>{{" not in page.replace("&gt;", "")
            assert "49" not in re.sub(r"\d{3,}|[\w-]*49[\w-]*", "", page)
        assert all("&lt;script&gt;" in text_of(answer) for answer in answers[:2])

    def test_a_role_of_the_target_stays_text(self, cast: Cast) -> None:
        inventory = Target.objects.get(slug="shop-prod").inventory
        inventory.roles = {**inventory.roles, f"{EVIL}@shop": inventory.roles["read@shop"]}
        inventory.databases = {"shop": {EVIL: {}, "orders": {}}}
        inventory.save()

        page = text_of(signed_in(cast.alice).get("/request/?target=shop-prod"))

        assert "<script" not in page
        assert "&lt;script&gt;" in page


class TestErrors:
    def test_nothing_here(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/nothing/")

        assert (answer.status_code, heading_of(answer)) == (404, "There is nothing here")

    def test_a_button_is_not_a_page(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).get(f"/approvals/{access_request.pk}/approve/")

        assert (answer.status_code, answer["Allow"]) == (405, "POST")
        assert f'href="/approvals/{access_request.pk}/"' in text_of(answer)

    @pytest.mark.parametrize(
        ("error", "status", "heading"),
        [
            (ValueError("secret-in-an-exception"), 500, "Something broke"),
            (OperationalError("password=secret-in-an-exception"), 503, "We cannot work right now"),
        ],
    )
    def test_what_broke_is_not_told_but_that_it_did(self, error: Exception, status: int, heading: str) -> None:
        """Without the `db` fixture: the page must not need the database, which may be what is broken."""
        request = RequestFactory().get("/access/")
        try:
            raise error
        except Exception:  # noqa: BLE001 - as Django's own handler catches it
            answer = urls.handler500(request)

        assert (answer.status_code, heading_of(answer)) == (status, heading)
        assert "secret" not in text_of(answer)

    def test_a_forbidden_page_says_so(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/admin/")

        assert (answer.status_code, heading_of(answer)) == (403, "This is not yours to do")
