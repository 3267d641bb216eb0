"""Keeps to which clusters those are limited who stand on a target."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0027_break_glass")]

    operations: ClassVar = [
        migrations.AddField("inventory", "reach", models.JSONField(default=dict)),
    ]
