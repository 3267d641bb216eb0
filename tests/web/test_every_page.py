"""Guards what stands around every address of the portal, as far as one walk by everybody can see it, in the worst house.

Its text is hostile, some of its roles cannot be read, and every address is asked to lead elsewhere. Each is looked at whole
and as a part of a page: one look is dear, and all that it may show is asked of it at once.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from accessrequests.operations import people
from tests import make
from tests.make import Cast
from tests.web.addresses import address_of, routes
from tests.web.browser import Browser, signed_in, text_of
from tests.web.hostile import EVERYTHING, REACHED, UNREADABLE, Dangers, plant

ELSEWHERE = (
    "https://evil.example/", "//evil.example/", "/\\\\evil.example", "\\\\\\\\evil.example", "javascript:alert(1)",
    "https:evil.example", "/%09/evil.example", "https://testserver@evil.example/", " //evil.example", "data:text/html,x",
)  # fmt: skip
ASKED = [
    ("/search/", {"q": EVERYTHING}),
    ("/search/", {"q": "shop"}),
    ("/audit/", {"actor": "alice"}),
    *(("/request/", {"target": "shop-prod", "role": role}) for role in ("read@shop.orders", *UNREADABLE)),
]


def elsewhere(evil: str) -> dict[str, str]:
    return dict.fromkeys(("next", "back", "url", "return_to"), evil)


def check_leads_nowhere(answer: Any, told: object) -> None:
    where = urlsplit(answer.get("Location", ""))
    assert (where.scheme, where.netloc) == ("", ""), told
    assert not answer.get("Location", "").startswith(("//", "/\\", "\\")), told
    assert not re.search(r'(?:href|action)="(?:https?:)?//evil', text_of(answer)), told


def check_stands(answer: Any, told: object) -> None:
    """What is true of every answer."""
    assert answer.status_code < 500, told
    # Kept by nobody, framed by nobody.
    assert "no-store" in answer["Cache-Control"], told
    assert {"Cookie", "HX-Request"} <= set(re.split(r",\s*", answer["Vary"])), told
    assert answer["X-Frame-Options"] == "DENY", told
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"], told
    assert "Set-Cookie: a" not in str(answer.headers), told
    check_leads_nowhere(answer, told)


def check_is_inert(page: str, told: object) -> None:
    """Nothing of what was planted is run, fetched, worked out or hidden; and no page is found by a search engine."""
    assert not Dangers(page).found, told
    assert not re.search(r"<script>alert|<img src=x|<svg/onload", page), told
    assert REACHED not in page, told
    assert not re.search("[\u0007\u001b\u202e\u2066]", page), told
    assert "<html" not in page or '<meta name="robots" content="noindex">' in page, told


@pytest.mark.parametrize("name", ["alice", "bob", "erin", ""], ids=lambda name: name or "a stranger")
def test_every_address_stands_and_shows_hostile_text_as_text(cast: Cast, name: str) -> None:
    token, _ = people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    objects = plant(cast, EVERYTHING, unreadable=UNREADABLE) | {"token": token.pk}
    everywhere: list[tuple[str, dict[str, str]]] = [(address_of(route, objects), {}) for route in routes()]
    faces: tuple[tuple[dict[str, str], str], ...] = (({}, ELSEWHERE[0]), ({"HX-Request": "true"}, ELSEWHERE[1]))
    browser, seen = signed_in(getattr(cast, name)) if name else Browser(), 0

    for path, asked in [*everywhere, *ASKED]:
        for headers, evil in faces:
            answer = browser.get(path, query_params={**asked, **elsewhere(evil)}, headers=headers)
            told = (path, asked, headers)
            check_stands(answer, told)
            if "html" in answer.get("Content-Type", ""):
                check_is_inert(text_of(answer), told)
                seen += "alert(1)" in text_of(answer)
    assert seen > 10 or not name, "It is shown, and harmless."


def test_signing_in_leads_nowhere_whatever_it_is_asked(cast: Cast) -> None:
    for browser in (signed_in(cast.alice), Browser()):
        for route in routes():
            for evil in ELSEWHERE if route.startswith("accounts/") else ():
                answer = browser.get(address_of(route, {"nowhere": "nowhere/"}), query_params=elsewhere(evil))
                check_leads_nowhere(answer, (route, evil))
