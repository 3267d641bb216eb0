"""Guards what stands around every page: headers, the Host header, sizes, sessions, and that everybody can read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from accessrequests.models import AuditEvent
from accessrequests.operations import people
from tests import make
from tests.make import Cast
from tests.servers import EACH_REQUEST
from tests.web.addresses import address_of, objects_of, routes
from tests.web.browser import Browser, give_password, heading_of, signed_in, text_of
from tests.web.grants import live

POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip


def test_the_log_holds_the_path_and_nothing_that_was_asked(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger=EACH_REQUEST):
        assert signed_in(cast.alice).get("/search/?q=canary-of-the-query").status_code == 200

    assert "GET /search/" in caplog.text
    assert "canary-of-the-query" not in caplog.text


def of_alice(cast: Cast) -> dict[str, object]:
    """Alice's request, live grant and token, to fill addresses with."""
    token, _ = people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    return objects_of(grant=live(cast.alice, cast.bob), request_id=make.submit(cast.alice).pk, token=token)


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


class Unnamed(HTMLParser):
    """The fields of a page that no label speaks of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page, self._inside, self.fields = page, 0, list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside += tag == "label"
        named = self._inside or "aria-label" in given or f'for="{given.get("id")}"' in self._page
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden" and not named:
            self.fields.append(str(given))

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "label"


class TestHosts:
    @pytest.mark.parametrize("host", ["evil.example.com", "testserver.evil.example.com", "testserver:80@evil", "a b"])
    def test_another_host_is_refused(self, cast: Cast, host: str) -> None:
        answer = signed_in(cast.alice).get("/access/", headers={"Host": host})

        assert answer.status_code == 400
        assert "evil" not in text_of(answer)

    def test_a_forwarded_host_counts_for_nothing(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/", headers={"X-Forwarded-Host": "evil.example.com"})

        assert answer["Location"] == "/access/"


class TestEveryAddress:
    """Enumerated, so that a new one is looked at by itself; what a plain look at it shows is asked in test_every_page.py."""

    def test_has_nothing_for_another_host(self, cast: Cast) -> None:
        objects, alice = of_alice(cast), signed_in(cast.alice)

        for route in routes():
            answer = alice.get(address_of(route, objects), headers={"Host": "evil.example.com"})
            assert answer.status_code == 400, route
            assert "evil" not in text_of(answer), route

    def test_refuses_a_body_that_is_too_large(self, cast: Cast) -> None:
        objects, alice = of_alice(cast), signed_in(cast.alice)
        before = AuditEvent.objects.count()

        for route in routes():
            answer = alice.post(address_of(route, objects), reason="W" * 300_000)
            assert answer.status_code == 413, route
        for name in ("fields", "files"):
            many = {f"x{number}": "1" for number in range(1_000)} if name == "fields" else {"reason": "W" * 300_000}
            assert alice.post("/request/", **many).status_code in {400, 413}
        assert AuditEvent.objects.count() == before


class TestSessions:
    def test_that_somebody_planted_are_not_the_ones_that_sign_in(self, cast: Cast) -> None:
        give_password(cast.alice)
        thief, victim = Browser(), Browser()
        thief.get("/accounts/login/")
        thief.client.session.save()
        planted = str(thief.client.session.session_key)
        victim.client.cookies["sessionid"] = planted

        victim.sign_in(cast.alice)

        assert victim.client.cookies["sessionid"].value != planted
        assert victim.get("/access/").status_code == 200
        thief.client.cookies["sessionid"] = planted
        assert thief.get("/access/").status_code == 302

    def test_end_with_the_persons_account(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        assert browser.get("/access/").status_code == 200

        cast.alice.is_active = False
        cast.alice.save()

        assert browser.get("/access/").status_code == 302
        assert browser.get("/access/", headers={"HX-Request": "true"}).status_code == 401

    def test_cookies_are_for_the_server_alone(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()
        browser.sign_in(cast.alice)

        cookie = browser.client.cookies["sessionid"]
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)


class TestStrangers:
    def test_learn_nothing_of_who_is_there(self, cast: Cast) -> None:
        """A name that is known, one that is not, one that is switched off: the same words, and the same work."""
        give_password(cast.alice)
        give_password(cast.bob)
        cast.bob.is_active = False
        cast.bob.save()

        said = set()
        for name in ("alice", "nobody", "bob", "ALICE"):
            answer = Browser().press("/accounts/login/", login=name, password="wrong")
            token = re.sub(r'value="[A-Za-z0-9]{64}"', "", text_of(answer))
            said.add((answer.status_code, token.replace(name, "NAME")))
        assert len(said) == 1

    def test_guess_ten_times_and_no_more(self, cast: Cast) -> None:
        give_password(cast.alice)

        statuses = [
            Browser().press("/accounts/login/", login="alice", password=f"guess {number}").status_code
            for number in range(12)
        ]
        late = Browser().sign_in(cast.alice)

        assert statuses[0] in {200, 422}
        assert statuses[-1] == statuses[-2] != 302
        assert late.status_code != 302, "the right one comes too late"


class TestPages:
    def test_have_their_headers_can_be_read_by_everybody_and_hold_nothing_inline(self, cast: Cast) -> None:
        for answer in pages_of(cast):
            check_headers(answer)
            check_can_be_read(answer)
            inline = r"<script(?! src=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:"
            assert not re.search(inline, text_of(answer)), answer.request["PATH_INFO"]


def check_headers(answer: Any) -> None:
    assert {part.strip() for part in answer["Content-Security-Policy"].split(";")} >= POLICY
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


def check_can_be_read(answer: Any) -> None:
    """What a machine can find of WCAG 2.2: landmarks, one heading, names of fields, references that lead somewhere."""
    page = text_of(answer)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert re.search(r'<html lang="en"[^>]*>', page)
    assert re.search(r"<title>\s*\S", page)
    assert len(heading_of(answer)) > 3
    assert page.count('<main id="main"') == 1
    assert 'href="#main"' in page
    assert not [one for one in ids if ids.count(one) > 1]
    for named in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', page):
        assert set(named.split()) <= set(ids)
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert anchor in ids
    assert not Unnamed(page).fields, answer.request["PATH_INFO"]
