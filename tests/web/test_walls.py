"""Guards what stands around every page: headers, the Host header, honest error pages, and text that stays text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accessrequests.operations import people
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, heading_of, signed_in, text_of
from tests.web.grants import live

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
            assert re.search(r'<html lang="en"[^>]*>', page)
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
