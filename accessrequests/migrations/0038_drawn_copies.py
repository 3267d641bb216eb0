"""Keeps of which moment a card in Slack is true, and finds what is behind without looking at all copies."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0037_apart_by_token")]

    operations: ClassVar = [
        # Nobody ever read it: whose workspace it is stands in the settings. Backwards it is empty.
        migrations.AlterField("slackmessage", "team_id", models.CharField(default="", max_length=32)),
        migrations.RemoveField("slackmessage", "team_id"),
        migrations.AddField("slackmessage", "drawn_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("slackmessage", "is_final", models.BooleanField(default=False)),
        migrations.AddIndex(
            "slackmessage",
            models.Index(fields=["id"], condition=models.Q(("state", "wanted")), name="slack_message_wanted"),
        ),
        migrations.AddIndex(
            "slackmessage",
            models.Index(
                fields=["drawn_at"],
                condition=models.Q(("is_final", False), ("kind__in", ["card", "own_card"]), ("state", "posted")),
                name="slack_message_card_lives",
            ),
        ),
    ]
