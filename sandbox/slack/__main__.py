"""`python -m sandbox.slack`: serves the workspace of its directory's seed, or goes on from the snapshot there."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType

from django.conf import settings

from sandbox.slack.seed import SEED, SNAPSHOT, Keeper, grown, restored
from sandbox.slack.server import LOOPBACK, SlackServer
from sandbox.slack.workspace import Workspace


def main() -> None:
    settings.configure(USE_I18N=False, USE_TZ=True)  # For the templates of the page; nothing else is Django's.
    directory, port = Path(os.environ["SLACK_DIRECTORY"]), int(os.environ["SLACK_PORT"])
    workspace = _workspace(directory, origin=f"http://{LOOPBACK}:{port}")
    server = SlackServer(
        port=port,
        workspace=workspace,
        control_token=os.environ["SLACK_CONTROL_TOKEN"],
        app_url=os.environ.get("SLACK_APP_URL") or None,
    )

    def end(_number: int, _frame: FrameType | None) -> None:
        # From another thread: shutdown() waits for the loop that this signal has interrupted.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    keeper = Keeper(workspace, directory / SNAPSHOT)
    keeper.start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    keeper.write()


def _workspace(directory: Path, *, origin: str) -> Workspace:
    snapshot = directory / SNAPSHOT
    if snapshot.exists():
        return restored(json.loads(snapshot.read_text(encoding="utf-8")), origin=origin)
    return grown(json.loads((directory / SEED).read_text(encoding="utf-8")), origin=origin)


if __name__ == "__main__":
    main()
