"""Lets a grant wait for a target that has taken everything and is not ready yet."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0008_late_ends")]

    operations: ClassVar = [
        migrations.AddField(model_name="grant", name="opened_at", field=models.DateTimeField(blank=True, null=True)),
    ]
