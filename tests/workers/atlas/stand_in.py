"""A stand-in of every operation and no cluster behind it; what a cluster would say is said for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.atlas.buckets import Buckets
from sandbox.atlas.organisation import new_id
from sandbox.atlas.project import Cluster, Project
from sandbox.atlas.table import all_routes
from tests.sandbox.atlas.serving import Served, serving


@dataclass(frozen=True)
class StandIn:
    """The stand-in's side."""

    served: Served

    @property
    def project(self) -> Project:
        return self.served.project

    def fail_one_call(self, fault: str, *, skip: int) -> None:
        self.served.server.buckets = Buckets()  # the minute of its limits on calls is over
        self.served.control("DELETE", "faults")
        self.served.order(fault, skip=skip, times=1, seconds=0.02)

    def carry_out(self) -> None:
        with self.served.server.organisation.lock:
            self.project.opened(list(self.project.access_list))
            for cluster in self.project.clusters.values():
                cluster.applied_revision = cluster.revision


@contextmanager
def standing_in() -> Iterator[StandIn]:
    with serving(routes=all_routes()) as served:
        served.project.clusters["main"] = Cluster(
            id=new_id(), name="main", created_at=0.0, hosts=["127.0.0.1:9"], options={"tls": "false"}
        )
        served.server.organisation.settings.active_seconds = 60.0
        yield StandIn(served)
