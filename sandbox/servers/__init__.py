"""Embedded PostgreSQL, Valkey and mongod on loopback, for the sandbox and for tests."""

from __future__ import annotations

from sandbox.processes import scratch_directory
from sandbox.servers.base import PortTakenError, Server, ServerError, start_all
from sandbox.servers.mongod import Mongod, Tls
from sandbox.servers.postgres import Postgres
from sandbox.servers.valkey import Valkey

__all__ = [
    "Mongod",
    "PortTakenError",
    "Postgres",
    "Server",
    "ServerError",
    "Tls",
    "Valkey",
    "scratch_directory",
    "start_all",
]
