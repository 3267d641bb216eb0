"""`python -m sandbox.atlas`: serves the organisation of its directory's seed, or goes on from the snapshot there."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType

from sandbox.atlas.mongods import Deployer
from sandbox.atlas.organisation import SNAPSHOT, Organisation
from sandbox.atlas.purge import Purge
from sandbox.atlas.seed import grown
from sandbox.atlas.server import AtlasServer
from sandbox.atlas.table import all_routes

SEED = "seed.json"


def main() -> None:
    organisation = _organisation(Path(os.environ["ATLAS_DIRECTORY"]))
    server = AtlasServer(
        port=int(os.environ["ATLAS_PORT"]),
        organisation=organisation,
        routes=all_routes(),
        control_token=os.environ["ATLAS_CONTROL_TOKEN"],
    )

    def end(_number: int, _frame: FrameType | None) -> None:
        # From another thread: shutdown() waits for the loop that this signal has interrupted.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    for project in organisation.projects.values():
        Deployer(organisation=organisation, project=project).start()
    Purge(organisation).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()


def _organisation(directory: Path) -> Organisation:
    snapshot = directory / SNAPSHOT
    if snapshot.exists():
        return Organisation.restore(json.loads(snapshot.read_text(encoding="utf-8")), directory=directory)
    organisation = grown(json.loads((directory / SEED).read_text(encoding="utf-8")), directory=directory)
    for project in organisation.projects.values():
        project.changed_at = 0.0  # What was there before anybody looked was there at once.
    return organisation


if __name__ == "__main__":
    main()
