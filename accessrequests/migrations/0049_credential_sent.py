"""Remembers that a target has taken a new password which it has not carried out everywhere yet."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0048_request_ids")]

    operations: ClassVar = [
        migrations.AddField("credential", "sent_at", models.DateTimeField(blank=True, null=True)),
    ]
