"""Knows of each message which click or call led to it; a process of the version before may still file some without."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

from accessrequests import log_lines


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0047_installation")]

    operations: ClassVar = [
        migrations.AddField(
            "outboxmessage",
            "request_id",
            models.CharField(blank=True, db_default="", default=log_lines.request_id, max_length=64),
        ),
    ]
