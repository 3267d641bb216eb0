"""The stand-in for whoever asks it something, anew for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.slack.serving import Slack, slack_running


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_running() as running:
        yield running
