"""A killable child of the relay: reads message ids from a pipe and carries them, until the pipe closes."""

from __future__ import annotations

import gc
import os
import signal
from multiprocessing.connection import Connection

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
os.environ.setdefault("ACCESS_ROLE", "relay")
django.setup()

from workers import handlers  # noqa: E402 - models need Django to be set up

# Children share what the fork server has loaded for as long as no collection walks through it (Python library reference,
# gc.freeze).
gc.collect()
gc.freeze()


def run(pipe: Connection, owner: str) -> None:
    """Carry what comes; answer with its id. The relay's end, or ours, is the end of both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            message_id: int = pipe.recv()
        except (EOFError, OSError):
            return
        handlers.carry(message_id=message_id, owner=owner)
        pipe.send(message_id)
