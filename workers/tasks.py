"""Every Celery task. There is one: carry an outbox message."""

from __future__ import annotations

from celery import Task

from workers import handlers
from workers.app import app


@app.task(bind=True, name="carry")
def carry(self: Task[..., None], *, message_id: int) -> None:
    handlers.carry(message_id=message_id, owner=str(self.request.hostname))
