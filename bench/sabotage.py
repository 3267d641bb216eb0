"""Workers whose revocation updates the row and leaves the target alone: a bench that is met by them measures nothing.

`celery -A bench.sabotage worker …`, in the environment of the workers that they stand in for.
"""

from __future__ import annotations

import importlib

import django

from workers.app import app

__all__ = ["app"]

django.setup()
importlib.import_module("bench.row_only")  # it needs the models, which are not there before
