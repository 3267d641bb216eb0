"""Keeps who owns a service identity: a row of people that nobody signs in as."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0030_changes_lapse")]

    operations: ClassVar = [
        migrations.AddField(
            "person",
            "owner",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.PROTECT,
                related_name="services",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            "person",
            models.CheckConstraint(condition=~models.Q(owner=models.F("pk")), name="person_owned_by_somebody_else"),
        ),
    ]
