"""Runs a command of ours as an operator would, and gives back what it said."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError


def run(*arguments: str) -> str:
    """What the command wrote to standard output."""
    said = io.StringIO()
    call_command(*arguments, stdout=said, stderr=io.StringIO())
    return said.getvalue()


def refused(*arguments: str) -> str:
    """What the command said when it refused."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 1
    return str(caught.value)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the next command read this from standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def written(directory: Path, document: Any) -> str:
    """A YAML file of it."""
    path = directory / "document.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return str(path)
