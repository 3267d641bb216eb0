"""Says what a grant waits for when its target takes long."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0015_usage")]

    operations: ClassVar = [migrations.AddField("grant", "waits_for", models.TextField(blank=True, default=""))]
