"""Remembers where grants were made, and how far the comparison of a target has come."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0017_extensions")]

    operations: ClassVar = [
        migrations.AddField("grant", "made_in", models.CharField(blank=True, default="", max_length=64)),
        migrations.AddField("target", "place", models.CharField(blank=True, default="", max_length=64)),
        migrations.CreateModel(
            name="Look",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField()),
                ("phase", models.CharField(max_length=16)),
                ("cursor", models.BigIntegerField(default=0)),
                ("seen", models.JSONField(default=dict)),
                ("standing", models.JSONField(default=dict)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "target",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="look", to="accessrequests.target"
                    ),
                ),
            ],
        ),
    ]
