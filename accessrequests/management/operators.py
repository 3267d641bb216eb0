"""Who stands at the command line."""

from __future__ import annotations

import os
import pwd

from accessrequests.domain.events import Actor
from accessrequests.operations.people import command_actor


def operator() -> Actor:
    """The operator by the name of their account: from the kernel, not from an environment that anybody can set."""
    uid = os.getuid()
    try:
        return command_actor(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return command_actor(f"uid-{uid}")
