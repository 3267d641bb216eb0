"""The Celery app and its queues: all of Celery's configuration stands here.

Celery carries ids of outbox messages and nothing else. Redis is a pipe: whatever it loses is sent again.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accessrequests.settings")
os.environ.setdefault("ACCESS_ROLE", "worker")
# They look at every page (celery.fixups.django), which a worker has no use for; `make check` makes them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from django.conf import settings
from kombu import Queue as Kombu

from accessrequests.domain.events import Queue

app = Celery("access-requests")
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # kombu's default is round robin; only this one is an order (kombu.transport.redis, queue_order_strategy).
        "queue_order_strategy": "priority",
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
    },
    task_queues=[Kombu(queue.value) for queue in Queue],
    task_default_queue=Queue.RECONCILE.value,
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_concurrency=4,  # Python runs one at a time; each more takes a processor from the databases
    worker_direct=True,  # the relay asks each set of workers for a sign of life
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,  # whoever can write to Redis must not be able to steer the workers
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Celery would else close every connection to the database before and after each task (celery.fixups.django), and a
    # new one costs both sides much of what a short task does. Whoever carries a message looks whether the one it has still works.
    CELERY_DB_REUSE_MAX=sys.maxsize,
)
app.autodiscover_tasks(["workers"])
