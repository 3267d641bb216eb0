"""Loaded by the server from which the relay's children come: they pass named steps like any other process."""

from __future__ import annotations

from chaos.marked import lay_around_this_process

lay_around_this_process()
