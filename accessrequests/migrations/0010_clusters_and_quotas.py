"""Lets an inventory hold a target's clusters, and what it counts and limits."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0009_opened_at")]

    operations: ClassVar = [
        migrations.AddField(model_name="inventory", name="clusters", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="inventory", name="quotas", field=models.JSONField(default=dict)),
    ]
