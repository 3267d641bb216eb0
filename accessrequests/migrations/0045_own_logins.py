"""Knows the logins that workers use themselves, and has users of offline kits and those logins in reviews of access."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q

_KINDS = ["grant", "user", "member", "kit", "own"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0044_one_voice_of_a_pair")]

    operations: ClassVar = [
        migrations.AddField("other", "is_own", models.BooleanField(default=False)),
        migrations.AlterField(
            "reviewitem", "kind", models.CharField(choices=[(kind, kind) for kind in _KINDS], max_length=8)
        ),
        migrations.RemoveConstraint("reviewitem", "review_item_kind_known"),
        migrations.AddConstraint(
            "reviewitem", models.CheckConstraint(condition=Q(kind__in=_KINDS), name="review_item_kind_known")
        ),
    ]
