"""The product's processes and the command of each: the same ones that docker-compose.yml runs, held in step by a test."""

from __future__ import annotations

from collections.abc import Mapping

WEB, RELAY, WORKER, WORKER_URGENT, SWEEP = "web", "relay", "worker", "worker_urgent", "sweep"
SLACK_SOCKET = "slack_socket"  # only where Slack cannot reach the web

# Django's checks would load every page and form into the workers, which may not even know them.
_CELERY_WORKER = (
    *("celery", "-A", "workers.app", "--skip-checks", "worker", "-P", "threads"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)

# The relay asks each set of workers for a sign of life under its node name.
# Where each listens, and how many threads it has, are matters of the place: the environment says so.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    WEB: ("gunicorn", "accessrequests.wsgi:application", "-k", "gthread"),
    RELAY: ("python", "manage.py", "relay"),
    WORKER: (*_CELERY_WORKER, "-n", "worker@access", "-Q", "provision,notify,reconcile"),
    WORKER_URGENT: (*_CELERY_WORKER, "-n", "worker_urgent@access", "-Q", "revoke,break_glass"),
    SWEEP: ("python", "manage.py", "sweep", "--every", "5"),
    SLACK_SOCKET: ("python", "manage.py", "slack_socket"),
}

# What can wait leaves the processor to people and to endings: its niceness, and its cpu_shares in docker-compose.yml.
NICENESS: Mapping[str, int] = {WORKER: 8}

# What `ACCESS_ROLE` each process has, as in docker-compose.yml.
ROLES: Mapping[str, str] = {
    WEB: "web",
    RELAY: "relay",
    WORKER: "worker",
    WORKER_URGENT: "worker",
    SWEEP: "sweep",
    SLACK_SOCKET: "web",
}
