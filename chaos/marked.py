"""Runs a program of the product with the named steps laid around it: python -m chaos.marked celery -A workers.app …"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from multiprocessing.context import BaseContext
from pathlib import Path

import django
from django.core.management import execute_from_command_line

from chaos import steps
from chaos.orders import Obeying

PART, DIRECTORY, AHEAD = "CHAOS_PART", "CHAOS_ORDERS", "CHAOS_CLOCK_AHEAD"
WEB = "web"
CHILD = "chaos.marked_child"


def main(command: list[str]) -> int:
    django.setup()
    lay_around_this_process()
    program, *_ = command
    if program == "python":  # manage.py
        execute_from_command_line(command[1:])
        return 0
    (found,) = entry_points(group="console_scripts", name=program)
    sys.argv = command
    return int(found.load()() or 0)


def lay_around_this_process() -> None:
    obeying = Obeying(Path(os.environ[DIRECTORY]), part=os.environ[PART])
    if os.environ[PART] == WEB:
        steps.lay_of_web(obeying.passed)
        return
    steps.lay(obeying.passed)
    if AHEAD in os.environ:
        steps.set_clock(ahead=float(os.environ[AHEAD]))
    _have_children_marked()


def _have_children_marked() -> None:
    """The relay's children come from a server of their own, which is told here what to load."""
    preload = BaseContext.set_forkserver_preload

    def with_steps(context: BaseContext, names: Iterable[str]) -> None:
        preload(context, [*names, CHILD])

    setattr(BaseContext, "set_forkserver_preload", with_steps)  # noqa: B010 - it is replaced, which types do not foresee


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
