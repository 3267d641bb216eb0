"""A browser without JavaScript: it keeps cookies, checks CSRF like a real one, and sends the forms that it finds."""

from __future__ import annotations

import re
import secrets
import time
from html.parser import HTMLParser
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client

from accessrequests.models import Person

PASSWORD = "correct-horse-battery-staple"
CHEAP = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # to check it


class Browser:
    """One person's browser."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def press(self, page: str, *, action: str = "", **typed: Any) -> Any:
        """Open `page`, fill in its form for `action` (its own address otherwise) and send it."""
        opened = self.get(page)
        assert opened.status_code == 200, (page, opened.status_code)
        fields = Forms(text_of(opened)).fields_of(action or page.partition("?")[0])
        return self.client.post(action or page.partition("?")[0], {**fields, **typed})

    def post(self, path: str, **typed: Any) -> Any:
        """Send what no form of ours offers, with a good CSRF token all the same."""
        if "csrftoken" not in self.client.cookies:
            self.client.cookies["csrftoken"] = secrets.token_hex(16)  # it need only be the same in both places
        token = self.client.cookies["csrftoken"].value
        return self.client.post(path, {"csrfmiddlewaretoken": token, **typed})

    def sign_in(self, person: Person) -> Any:
        return self.press("/accounts/login/", login=person.username, password=PASSWORD)


def signed_in(person: Person, *, minutes_ago: float = 0) -> Browser:
    """A browser whose session proved who it is so many minutes ago. (Signing in itself is tested in test_accounts.)"""
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(person.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: person.get_session_auth_hash(),
            AUTHENTICATION_METHODS_SESSION_KEY: [{"method": "password", "at": time.time() - minutes_ago * 60}],
            _AUTHENTICATION_METHODS_USER_SESSION_KEY: str(person.pk),
        }
    )
    session.create()
    browser = Browser()
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return browser


def give_password(person: Person) -> None:
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


def heading_of(response: HttpResponse) -> str:
    """The page's one h1, as text."""
    found = re.findall(r"<h1[^>]*>(.*?)</h1>", text_of(response), re.DOTALL)
    assert len(found) == 1, found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[0])).strip()


class Forms(HTMLParser):
    """The forms of a page with the values that a browser would send for them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, Any]] = {}
        self._form: dict[str, Any] | None = None
        self._select = ""
        self._textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._form = self.forms.setdefault(given.get("action") or "", {})
        elif self._form is None:
            return
        elif tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in self._form or "selected" in given):
            self._form[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._textarea = name
            self._form[name] = ""
        elif tag == "input":
            self._input(name, given)

    def _input(self, name: str, given: dict[str, str | None]) -> None:
        assert self._form is not None
        kind = given.get("type", "text")
        if kind in {"checkbox", "radio"} and "checked" not in given:
            return
        if kind == "checkbox":
            self._form.setdefault(name, []).append(given.get("value") or "")
        elif kind not in {"submit", "button"}:
            self._form[name] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._form is not None:
            self._form[self._textarea] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def fields_of(self, action: str) -> dict[str, Any]:
        assert action in self.forms, f"no form for {action}, only for {sorted(self.forms)}"
        return self.forms[action]
