"""The portal in a journey: somebody signed in, who opens pages and sends forms without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.journeys.people import FRESH

SIGN_IN = "/accounts/login/"


class Portal:
    """One person's browser. It may send any form, also those that no page offers to this person."""

    def __init__(self, state: Mapping[str, Any], *, name: str) -> None:
        self._client = httpx2.Client(base_url=state["web"], timeout=15, trust_env=False, limits=FRESH)
        self.get(SIGN_IN)
        answer = self.post(SIGN_IN, login=name, password=state["passwords"][name])
        assert answer.status_code == httpx2.codes.FOUND, f"{name} cannot sign in: {answer.status_code} {answer.text}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(path)

    def post(self, path: str, **typed: object) -> httpx2.Response:
        token = self._client.cookies.get("csrftoken")
        fields = {name: str(value) for name, value in typed.items()}
        return self._client.post(path, data={"csrfmiddlewaretoken": token, **fields})
