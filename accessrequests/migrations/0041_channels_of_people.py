"""Keeps what a person is told of not by which channel; nobody has switched anything off."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0040_slack_homes")]

    operations: ClassVar = [
        migrations.AddField(
            "person",
            "not_told_by",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32), blank=True, default=list, size=None
            ),
        ),
    ]
