"""What somebody had typed when their session ended: kept for the browser, and given back once it has signed in again."""

from __future__ import annotations

from http import HTTPMethod

from django.http import HttpRequest, QueryDict

KEY = "unsent"
MOST = 12_000  # characters; more is not what somebody typed
NEVER_KEPT = frozenset({"csrfmiddlewaretoken", "password", "code"})


def keep(request: HttpRequest) -> None:
    """Put aside the form of a request that nobody was signed in for. Nothing of it is done later by itself."""
    if request.method != HTTPMethod.POST or not request.POST:
        return
    typed = request.POST.copy()
    for name in NEVER_KEPT & typed.keys():
        del typed[name]
    text = typed.urlencode()
    if len(text) <= MOST:
        request.session[KEY] = {"path": request.path, "typed": text}


def take(request: HttpRequest) -> QueryDict | None:
    """The form that was put aside for this page, once."""
    kept = request.session.get(KEY)
    if not isinstance(kept, dict) or kept.get("path") != request.path:
        return None
    del request.session[KEY]
    return QueryDict(kept["typed"])
