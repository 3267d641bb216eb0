"""The floor: what the same servers cost without the product. A Celery no-op, and a user made by hand."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from pymongo import MongoClient

app = Celery("floor", broker=os.environ.get("BENCH_REDIS", ""), backend=os.environ.get("BENCH_REDIS", ""))
app.conf.update(task_default_queue="floor", worker_enable_remote_control=False)


@app.task(name="noop")
def noop() -> None:
    """Nothing, carried by a worker and back."""


@contextmanager
def worker(redis: str) -> Iterator[None]:
    """A Celery worker that does nothing but `noop`, on the world's own broker."""
    command = [sys.executable, "-m", "celery", "-A", "bench.floor", "worker", "-P", "threads", "-c", "8"]
    process = subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env={**os.environ, "BENCH_REDIS": redis},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    app.conf.update(broker_url=redis, result_backend=redis)
    try:
        noop.delay().get(timeout=20)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def round_trip() -> float:
    """Seconds from sending a no-op to its result."""
    started = time.perf_counter()
    noop.delay().get(timeout=20)
    return time.perf_counter() - started


def make_user_and_login(root: MongoClient[dict[str, Any]], uri_of_host: str) -> float:
    """Seconds for createUser, a role and the new user's first read; the user is dropped afterwards, untimed."""
    name, password = f"floor-{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    started = time.perf_counter()
    root.admin.command("createUser", name, pwd=password, roles=[], mechanisms=["SCRAM-SHA-256"])
    root.admin.command("grantRolesToUser", name, roles=[{"role": "read", "db": "shop"}])
    login(f"mongodb://{name}:{password}@{uri_of_host}/?authSource=admin&directConnection=true")
    taken = time.perf_counter() - started
    root.admin.command("dropUser", name)
    return taken


def login(uri: str) -> None:
    """Sign in and read one order."""
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=5000) as client:
        client.shop.orders.find_one()
