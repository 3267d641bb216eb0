"""Remembers for a month a call that may have sent an invitation, when it was looked after, and what it may have left."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0028_reach")]

    operations: ClassVar = [
        migrations.AddField("sharedcall", "looked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("sharedcall", "left", models.TextField(blank=True)),
    ]
