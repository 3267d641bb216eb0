"""Guards what a world tells whoever started it: enough to sign in as everybody there, one-time codes included."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management.base import CommandError

from sandbox.catalogue import NAMES
from sandbox.invitation import invitation
from sandbox.management.commands.sandbox import Command
from tests.glass import code_of

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
STATE: dict[str, Any] = {
    "web": "http://127.0.0.1:8123",
    "passwords": {name: f"password of {name}" for name in NAMES},
    "slack": {"url": "http://127.0.0.1:8124"},
    "totp": {"frank": SEED},
    "logs": "/somewhere/logs",
}


def test_it_names_every_way_in() -> None:
    said = "\n".join(invitation(STATE))
    assert "http://127.0.0.1:8123/accounts/login/" in said
    assert "http://127.0.0.1:8124/" in said
    for name in NAMES:
        assert f"password of {name}" in said


def test_the_command_that_it_names_shows_the_code_of_that_moment() -> None:
    (line,) = [line for line in invitation(STATE) if "Frank Fischer signs in" in line]
    verb, seed = line.split()[-2:]
    shown = StringIO()
    before = code_of(SEED)
    Command(stdout=shown).handle(verb=verb, name=seed, state_file=None)
    assert shown.getvalue().strip() in {before, code_of(SEED)}


@pytest.mark.parametrize("seed", [None, "not a seed"])
def test_what_is_no_seed_is_told_so(seed: str | None) -> None:
    with pytest.raises(CommandError, match="A world prints it"):
        Command(stdout=StringIO()).handle(verb="code", name=seed, state_file=None)
