"""Indexes for what the relay looks for at each turn: with a backlog nearly all that is open has been sent already."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0053_bounded_looks")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                fields=["ready_at", "id"],
                condition=models.Q(
                    models.Q(("sent_at", None), ("sent_at__lt", models.F("ready_at")), _connector="OR"),
                    ("done_at", None),
                ),
                name="outbox_unsent",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                fields=["ready_at", "id"],
                condition=models.Q(("done_at", None), ("queue__in", ("revoke", "break_glass"))),
                name="outbox_urgent",
            ),
        ),
    ]
