"""Counts the calls of each token apart, and what a person presses themselves apart from them all."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Backwards there is one row a person again. A count is worth nothing after its second.
_FORGET = "DELETE FROM accessrequests_callbucket"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0036_presets_and_saved_asks")]

    operations: ClassVar = [
        migrations.AlterField(
            "callbucket",
            "person",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField("callbucket", "token", models.BigIntegerField(default=0)),
        migrations.AddConstraint(
            "callbucket", models.UniqueConstraint(fields=["person", "token"], name="call_bucket_once")
        ),
        migrations.RunSQL(migrations.RunSQL.noop, _FORGET),
    ]
