"""Counts what one account of Slack was told in the last minute, by an index."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0038_drawn_copies")]

    operations: ClassVar = [
        migrations.AddIndex(
            "slackmessage",
            models.Index(
                fields=["slack_user_id", "created_at"],
                condition=models.Q(("kind", "whisper")),
                name="slack_message_whispers",
            ),
        ),
    ]
