"""Finds the soonest to end of all access that lives without looking at all of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0042_slack_places")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("state", "revoked"), _negated=True),
                fields=["expires_at", "id"],
                name="grant_ends_next",
            ),
        ),
    ]
