"""Keeps why a request is void that nobody took back."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0020_target_warnings")]

    operations: ClassVar = [migrations.AddField("accessrequest", "note", models.TextField(blank=True, default=""))]
