"""Keeps what people often ask for on a target, and what each of them keeps for the next time."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0035_slack")]

    operations: ClassVar = [
        migrations.AddField("target", "presets", models.JSONField(blank=True, default=list)),
        migrations.CreateModel(
            name="SavedAsk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("saved_at", models.DateTimeField()),
                (
                    "access_request",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to="accessrequests.accessrequest"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="saved_asks", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["person", "name"], name="saved_ask_once_a_name"),
                ],
            },
        ),
    ]
