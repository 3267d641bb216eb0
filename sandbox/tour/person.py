"""A person on the tour: what they do over the REST API, and in a browser without JavaScript."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

import httpx2

from sandbox.tour.narrator import Unexpected, expect

_WAIT_SECONDS = 30.0
Answer = dict[str, Any]


class Person:
    """Speaks to the API with a personal token, exactly as any client would."""

    def __init__(self, name: str, *, state: Mapping[str, Any]) -> None:
        self.name = name
        self._api = httpx2.Client(
            base_url=f"{state['web']}/api/v1/",
            headers={"Authorization": f"Bearer {state['tokens'][name]}"},
            timeout=15,
            trust_env=False,
        )

    def close(self) -> None:
        self._api.close()

    def get(self, path: str, **query: str) -> Answer:
        return _body(self._api.get(path, params=query), expected=200)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, expected: int = 200) -> Answer:
        return _body(self._api.post(path, json=dict(body or {})), expected=expected)

    def ask(self, *, target: str, role: str, duration: str, reason: str, **more: Any) -> Answer:
        return self.post("access-requests/", {**_ask(target, role, duration, reason), **more}, expected=201)

    def preview(self, *, target: str, role: str, duration: str, reason: str) -> Answer:
        return self.post("access-requests/preview/", _ask(target, role, duration, reason))

    def approve(self, access_request: Mapping[str, Any], *, expected: int = 200) -> Answer:
        body = {"revision": access_request["revision"], "comment": "Agreed on the tour."}
        return self.post(f"access-requests/{access_request['id']}/approve/", body, expected=expected)

    def try_to_approve(self, access_request: Mapping[str, Any]) -> int:
        """The status with which the attempt is answered."""
        body = {"revision": access_request["revision"]}
        return self._api.post(f"access-requests/{access_request['id']}/approve/", json=body).status_code

    def await_grant(self, grant_id: int, state: str) -> Answer:
        """Look at the grant until it is in that state."""
        found: Answer = {}

        def is_there() -> bool:
            found.update(self.get(f"grants/{grant_id}/"))
            return bool(found["state"] == state)

        wait_until(is_there, what=lambda: f"grant {grant_id} is {found.get('state')}, not {state}")
        return found


def _ask(target: str, role: str, duration: str, reason: str) -> Answer:
    return {
        "target": target,
        "kind": "database_user",
        "roles": [role],
        "authentication": "scram",
        "duration": duration,
        "reason": reason,
    }


def _body(response: httpx2.Response, *, expected: int) -> Answer:
    expect(
        holds=response.status_code == expected,
        found=f"{response.request.method} {response.request.url.path} answered {response.status_code}, not {expected}: "
        f"{response.text[:500]}",
    )
    body: Answer = response.json()
    return body


def wait_until(condition: Callable[[], bool], *, what: Callable[[], str], seconds: float = _WAIT_SECONDS) -> None:
    """Look every 20 ms. :raises Unexpected: with the sentence of `what`, when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unexpected(what())
        time.sleep(0.02)


class Browser:
    """Opens pages and presses buttons: sends a form's own fields to the form's own address."""

    def __init__(self, *, state: Mapping[str, Any]) -> None:
        self._pages = httpx2.Client(base_url=state["web"], timeout=15, follow_redirects=True, trust_env=False)

    def close(self) -> None:
        self._pages.close()

    def sign_in(self, *, name: str, password: str) -> None:
        self.press("/accounts/login/", action="/accounts/login/", login=name, password=password)

    def press(self, page: str, *, action: str, **typed: str) -> str:
        """Open `page`, fill in its form for `action`, send it; returns the page that follows."""
        opened = self._pages.get(page)
        expect(holds=opened.status_code == httpx2.codes.OK, found=f"GET {page} answered {opened.status_code}")
        fields = _Forms(opened.text, page).fields_of(action)
        answer = self._pages.post(action, data={**fields, **typed}, headers={"Referer": str(opened.url)})
        expect(
            holds=answer.status_code == httpx2.codes.OK and answer.url.path != "/accounts/login/",
            found=f"POST {action} ended at {answer.url.path} with {answer.status_code}",
        )
        return answer.text


class _Forms(HTMLParser):
    """The forms of a page, with the fields that they already hold."""

    def __init__(self, html: str, page: str) -> None:
        super().__init__()
        self._page = page
        self._forms: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._open = self._forms.setdefault(given.get("action") or self._page, {})
        elif (
            tag in {"input", "textarea"} and self._open is not None and given.get("type") not in {"submit", "checkbox"}
        ):
            name = given.get("name")
            if name:
                self._open[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def fields_of(self, action: str) -> dict[str, str]:
        if action not in self._forms:
            raise Unexpected(f"{self._page} has no form for {action}, only for {', '.join(self._forms) or 'nothing'}")
        return self._forms[action]
