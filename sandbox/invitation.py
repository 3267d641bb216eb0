"""What a person needs to use a running world: where it is, as whom to sign in, and where one-time codes come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.catalogue import NAMES


def invitation(state: Mapping[str, Any]) -> list[str]:
    """Line by line, from what the state file would say."""
    return [
        "",
        f"Sign in at {state['web']}/accounts/login/ as one of:",
        *(f"  {name:<8} {state['passwords'][name]}   {full_name}" for name, full_name in NAMES.items()),
        f"Slack, where you are anybody of them without a password: {state['slack']['url']}/",
        *(
            f"{NAMES[name]} signs in with a one-time code, too: .venv/bin/python manage.py sandbox code {seed}"
            for name, seed in state["totp"].items()
        ),
        f"The API is documented at {state['web']}/api/v1/docs/. Logs: {state['logs']}. Ctrl-C ends everything.",
    ]
