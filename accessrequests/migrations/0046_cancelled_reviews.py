"""Lets a review of access be given up."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0045_own_logins")]

    operations: ClassVar = [
        migrations.AddField("reviewcampaign", "cancelled_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "reviewcampaign",
            "cancelled_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            "reviewcampaign",
            models.CheckConstraint(
                condition=Q(cancelled_at=None, cancelled_by=None)
                | Q(cancelled_at__isnull=False, cancelled_by__isnull=False, signed_off_at=None),
                name="review_cancelled_by_somebody",
            ),
        ),
    ]
