"""Lets workers share the token of an account, and what a target said of its limits on calls."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0011_shared_objects")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ConnectionToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(max_length=200, unique=True)),
                ("sealed", models.BinaryField(null=True)),
                ("round", models.PositiveIntegerField(default=0)),
                ("minted_at", models.DateTimeField(null=True)),
                ("renew_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("lease", models.PositiveIntegerField(default=0)),
                ("leased_until", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ConnectionBudget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target", models.CharField(max_length=64)),
                ("bucket", models.CharField(max_length=80)),
                ("capacity", models.PositiveIntegerField()),
                ("remaining", models.PositiveIntegerField()),
                ("seen_at", models.DateTimeField()),
                ("held_until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("target", "bucket"), name="connection_budget_once")],
            },
        ),
    ]
