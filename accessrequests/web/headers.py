"""What every answer to a signed-in person carries, nobody keeps a copy; and what no page ever carries, hidden marks."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# Control characters, and the marks that turn the direction of what follows: a name with one could rewrite a sentence.
# As UTF-8; forms and operations refuse them, so they only come from providers, targets and hands in the database.
_HIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


class PrivatePages:
    """Forbid every cache, the browser's own included, to keep what a signed-in person sees."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["Cookie", "HX-Request"])
        return _without_hidden_marks(response)


def _without_hidden_marks(response: HttpResponse) -> HttpResponse:
    is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
    if is_page and _HIDDEN.search(response.content):
        response.content = _HIDDEN.sub(b"", response.content)
    return response
