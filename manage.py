#!/usr/bin/env python
"""Django's command line for Access Requests."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line, load_command_class

_HANDS = {"worker", "relay"}  # they have no pages, which other commands look at
_HANDS_OWN = {"relay", "alive"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
    os.environ.setdefault("ACCESS_ROLE", "sweep" if sys.argv[1:2] == ["sweep"] else "operator")
    if os.environ["ACCESS_ROLE"] in _HANDS and not _HANDS_OWN.issuperset(sys.argv[1:2]):
        os.environ["ACCESS_ROLE"] = "operator"  # typed by a person, where a worker runs
    if sys.argv[1:2] == ["sandbox"]:
        # It makes the settings of all that it starts, and so must itself start where there are none.
        load_command_class("sandbox", "sandbox").run_from_argv(sys.argv)
        return
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error} docs/operating.md lists every setting.")


if __name__ == "__main__":
    main()
