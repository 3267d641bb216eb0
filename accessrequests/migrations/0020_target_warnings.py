"""Remembers what a worker found to be put right on a target."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0019_bundles")]

    operations: ClassVar = [
        migrations.AddField("target", "warnings", models.JSONField(blank=True, default=list)),
    ]
