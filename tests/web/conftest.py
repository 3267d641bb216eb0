"""What every test of the portal takes for granted: passwords that are cheap to check."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.web.browser import CHEAP


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = CHEAP
