"""The whole way of a grant on Atlas, through the product's own operations and the worker's handlers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from django.db.models import F
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import ConnectionBudget, Grant, OutboxMessage, SharedObject, Target
from accessrequests.operations import credentials, outbox
from accessrequests.operations.credentials import Revealed
from accessrequests.queries import clock
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET
from tests.workers.rows import carry, due_now, fresh
from workers import connections

SLUG = "ecommerce-prod"
MOST_TRIES = 40


def _nothing() -> None: ...


@dataclass(frozen=True)
class Way:
    """People, and the project that they want to work on."""

    cast: Cast

    def approved(self, **changes: Any) -> Grant:
        said = {"clusters": ("main",), "source_addresses": ("127.0.0.1",), "roles": ("read@shop.orders",), **changes}
        make.approve(make.submit_to_atlas(self.cast.alice, **said), self.cast.bob)
        return Grant.objects.latest("pk")

    def reveal(self, grant: Grant) -> Revealed:
        return credentials.reveal(grant_id=grant.pk, person=self.cast.alice, via=Via.API)

    def provision(self, grant: Grant, *, look: Callable[[], None] = _nothing) -> Grant:
        """Carry it as often as it wants to be carried, and look in between."""
        return _carried(grant, Job.PROVISION, until={"active", "revoking", "revoked"}, look=look)

    def revoke(self, grant: Grant, *, look: Callable[[], None] = _nothing) -> Grant:
        return _carried(grant, Job.REVOKE, until={"revoked"}, look=look)


def _carried(grant: Grant, job: Job, *, until: set[str], look: Callable[[], None]) -> Grant:
    for _ in range(MOST_TRIES):
        if fresh(grant).state in until:
            break
        due_now(job, grant)
        carry(job, grant)
        look()
        longest_call_is_over(grant)
    return fresh(grant)


def longest_call_is_over(grant: Grant) -> None:
    """Time passes, in which every call that was on its way has arrived, and the target is asked again."""
    SharedObject.objects.update(stray_calls_until=clock.now())
    ConnectionBudget.objects.update(held_until=None, remaining=F("capacity"))
    earlier = clock.now() - timedelta(minutes=1)
    Grant.objects.filter(pk=grant.pk).update(stray_calls_until=None)
    Grant.objects.filter(pk=grant.pk, revocation_started_at__isnull=False).update(revocation_started_at=earlier)
    Target.objects.update(unreachable_since=None)


@contextmanager
def path(*, cast: Cast, settings: Settings, directory: Path, url: str, project_id: str, org_id: str) -> Iterator[Way]:
    """The target in the catalogue, its record in the worker's file, and its inventory read."""
    make.apply_atlas(SLUG)
    record = {
        "kind": "atlas",
        "base_url": url,
        "project_id": project_id,
        "org_id": org_id,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "databases": {"shop": ["orders", "customers"]},
    }
    file = directory / "connections.yaml"
    file.write_text(yaml.safe_dump({"targets": {SLUG: record}}))
    file.chmod(0o600)
    settings.ACCESS_SANDBOX = os.getpid()
    settings.ACCESS_TARGETS_FILE = str(file)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    OutboxMessage.objects.all().delete()
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=f"target/{SLUG}", target=SLUG)
    carry(Job.READ_INVENTORY, f"target/{SLUG}")
    try:
        yield Way(cast)
    finally:
        connections.close_connections()
