"""Slack switched on, with a Web API that answers on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accessrequests.models import SlackMessage
from tests import make
from tests.make import Cast
from tests.slack import workspace
from tests.slack.workspace import WebApi, copy_of, link


@pytest.fixture(scope="session")
def web_api_server() -> Iterator[WebApi]:
    server = WebApi()
    yield server
    server.stop()


@pytest.fixture
def web_api(web_api_server: WebApi) -> WebApi:
    web_api_server.calls.clear()
    web_api_server.answers.clear()
    web_api_server.channel.clear()
    return web_api_server


@pytest.fixture(autouse=True)
def slack_is_on(settings: Settings, web_api_server: WebApi) -> None:
    settings.SECURE_SSL_REDIRECT = False
    settings.ACCESS_SLACK = True
    settings.ACCESS_SLACK_SIGNING_SECRETS = [workspace.SECRET]
    settings.ACCESS_SLACK_BOT_TOKEN = "xoxb-of-nobody"
    settings.ACCESS_SLACK_APP_ID = workspace.APP
    settings.ACCESS_SLACK_TEAM_ID = workspace.TEAM
    settings.ACCESS_SLACK_ENTERPRISE_ID = ""
    settings.ACCESS_SLACK_CHANNELS = {"data-owners": "C0DATA", "*": "C0REST"}
    settings.ACCESS_SLACK_API_URL = web_api_server.url


@pytest.fixture
def card(cast: Cast) -> SlackMessage:
    link(cast.alice, cast.bob, cast.carol, cast.mallory)
    return copy_of(make.submit(cast.alice))
