"""Holds the connection to Slack that brings what people press there, where Slack cannot reach the portal."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.queries import clock, slack_places
from accessrequests.slack.socket_mode import Connection, NotLetIn


class Command(BaseCommand):
    help = "Hear what is pressed in Slack through a connection of our own (ACCESS_SLACK_MODE=socket)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="exit 0 when the connection was open within the last minute"
        )

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        if check:
            if not slack_places.is_connected(clock.now()):
                raise CommandError("No connection to Slack was open within the last minute.")
            self.stdout.write("The connection to Slack is open.")
            return
        if not (settings.ACCESS_SLACK and settings.ACCESS_SLACK_MODE == slack_places.SOCKET):
            raise CommandError("Socket Mode is off. Set ACCESS_SLACK_MODE=socket and ACCESS_SLACK_BOT_TOKEN first.")
        if not settings.ACCESS_SLACK_APP_TOKEN:
            raise CommandError("Set ACCESS_SLACK_APP_TOKEN: the app-level token with connections:write (xapp-…).")
        connection = Connection()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: connection.stop())
        try:
            connection.run()
        except NotLetIn as error:
            raise CommandError(f"{error} See docs/slack.md, Socket Mode.") from error
