"""Lets roles be granted to logins that stand on a target anyway."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0012_connections")]

    operations: ClassVar = [
        migrations.AddField("target", "declared", models.JSONField(blank=True, default=dict)),
        migrations.AddField("inventory", "users", models.JSONField(default=dict)),
        migrations.AddField("accessrequest", "principal", models.CharField(blank=True, default="", max_length=1100)),
        migrations.AddField("accessrequest", "service", models.CharField(blank=True, default="", max_length=64)),
        migrations.AddField(
            "accessrequest",
            "owners",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), blank=True, default=list, size=None
            ),
        ),
    ]
