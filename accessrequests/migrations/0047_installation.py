"""Remembers which database this is, so that a restored or copied one is quarantined."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0046_cancelled_reviews")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("database", models.CharField(max_length=100)),
                ("epoch", models.PositiveIntegerField(default=1)),
                ("quarantined_at", models.DateTimeField(blank=True, null=True)),
                ("why", models.TextField(blank=True, default="")),
            ],
        ),
    ]
