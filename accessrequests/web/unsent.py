"""What somebody had typed when their session ended: kept for this person and browser, and given back once, unsent.

Only a form of ours gets this far: without its CSRF token the request was refused before. A signed cookie says who was
signed in here last, and only that person is shown what was kept, so nobody finds in a form what somebody else typed, or
what another site made them send. Nothing that was kept is ever sent by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPMethod

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict

from accessrequests import sealing
from accessrequests.models import Person

KEY = "unsent"
COOKIE = "known"
COOKIE_DAYS = 30
LASTS_SECONDS = 15 * 60
MOST = 12_000  # characters; more is not what somebody typed
NEVER_KEPT = frozenset({"csrfmiddlewaretoken", "password", "code", "login"})
# Forms that stand on the page above their own address. Presses without words, such as reveal, are not kept.
OF_THE_PAGE_ABOVE = frozenset({"approve", "deny", "comments", "revoke", "extend"})


class KnowsWho:
    """Lets a browser prove, after its session, whose it was."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._get_response(request)
        if not request.session.session_key or not isinstance(request.user, Person):
            return answer
        if _known(request) != request.user.pk:
            answer.set_signed_cookie(
                COOKIE,
                str(request.user.pk),
                salt=COOKIE,
                max_age=COOKIE_DAYS * 24 * 3600,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return answer


def keep(request: HttpRequest, *, page: str) -> str:
    """Put aside the form of a request that nobody was signed in for; where to lead afterwards so that it is seen."""
    act = act_of(request.path) if page != request.path else ""
    person = _known(request)
    if request.method != HTTPMethod.POST or person is None or (page != request.path and act not in OF_THE_PAGE_ABOVE):
        return page
    typed = request.POST.copy()
    for name in NEVER_KEPT & typed.keys():
        del typed[name]
    text = typed.urlencode()
    if len(text) > MOST:
        return page
    sealed = sealing.seal(text, purpose=f"{KEY}/{person}").decode()
    request.session[KEY] = {"path": page, "act": act, "person": person, "at": time.time(), "typed": sealed}
    return f"{page}?open={act}" if act else page


def take(request: HttpRequest) -> QueryDict | None:
    """The form of this very address that was put aside, once."""
    found = take_act(request)
    return found[1] if found is not None and not found[0] else None


def take_act(request: HttpRequest) -> tuple[str, QueryDict] | None:
    """Which form of this page was put aside, and what was typed into it; once, and only for who typed it."""
    kept = request.session.get(KEY)
    if not isinstance(kept, dict) or kept.get("path") != request.path:
        return None
    del request.session[KEY]
    if kept["person"] != request.user.pk or time.time() - kept["at"] > LASTS_SECONDS:
        return None
    try:
        text = sealing.open_sealed(str(kept["typed"]).encode(), purpose=f"{KEY}/{kept['person']}")
    except sealing.CannotOpen:
        return None
    return str(kept["act"]), QueryDict(text)


def is_waiting(request: HttpRequest) -> bool:
    """Whether the page of the sign-in can promise that something is given back."""
    kept = request.session.get(KEY)
    return isinstance(kept, dict) and time.time() - kept["at"] <= LASTS_SECONDS


def act_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _known(request: HttpRequest) -> int | None:
    known = request.get_signed_cookie(COOKIE, default="", salt=COOKIE, max_age=COOKIE_DAYS * 24 * 3600)
    return int(known) if known and known.isdigit() else None
