#!/usr/bin/env python
"""Django's command line for Access Requests."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
    os.environ.setdefault("ACCESS_ROLE", "operator")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
