"""Holds in the table what lends a voice: one of a pair at a time, and ended by somebody."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations, models
from django.db.models import Func, Q, Value
from django.db.models.functions import Greatest, Least


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0043_ends_next")]

    operations: ClassVar = [
        migrations.AddConstraint(
            "delegation",
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by="") | Q(ended_at__isnull=False) & ~Q(ended_by=""),
                name="delegation_ended_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            "delegation",
            ExclusionConstraint(
                name="delegation_one_of_a_pair",
                expressions=[
                    (
                        Func(
                            Least("giver", "stand_in"), Greatest("giver", "stand_in"), Value("[]"), function="int8range"
                        ),
                        "=",
                    ),
                    (Func("starts_at", "ends_at", function="tstzrange"), "&&"),
                ],
                condition=Q(ended_at=None),
            ),
        ),
    ]
