"""Lets the ends that are late be counted from an index, with a hundred thousand grants alive."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0007_off_in_file")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(state="revoking", cut_at=None),
                fields=["revocation_started_at"],
                name="grant_cutting",
            ),
        ),
    ]
