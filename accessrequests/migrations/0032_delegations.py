"""Keeps who answers in whose place, and for whom an answer was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

_PERSON: dict[str, Any] = {"on_delete": django.db.models.deletion.PROTECT, "to": settings.AUTH_USER_MODEL}


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0031_services")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("giver", models.ForeignKey(related_name="voices_lent", **_PERSON)),
                ("stand_in", models.ForeignKey(related_name="voices_held", **_PERSON)),
                ("made_at", models.DateTimeField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=~Q(giver=F("stand_in")), name="delegation_to_somebody_else"),
                    models.CheckConstraint(
                        condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_after_it_starts"
                    ),
                    models.CheckConstraint(
                        condition=Q(ends_at__lte=F("starts_at") + timedelta(days=90)), name="delegation_not_too_long"
                    ),
                ],
                "indexes": [
                    models.Index(fields=["stand_in"], condition=Q(ended_at=None), name="delegation_held"),
                    models.Index(fields=["giver"], condition=Q(ended_at=None), name="delegation_lent"),
                ],
            },
        ),
        migrations.AddField(
            "approval", "on_behalf_of", models.ForeignKey(blank=True, null=True, related_name="+", **_PERSON)
        ),
        migrations.AddConstraint(
            "approval",
            models.UniqueConstraint(
                fields=["access_request", "on_behalf_of", "revision", "answer"], name="approval_once_a_lent_voice"
            ),
        ),
        migrations.AddConstraint(
            "approval",
            models.CheckConstraint(
                condition=Q(on_behalf_of=None) | ~Q(on_behalf_of=F("person")), name="approval_for_somebody_else"
            ),
        ),
    ]
