"""Keeps what each channel of Slack in which people are asked is called."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0050_seal_in_the_database")]

    operations: ClassVar = [
        migrations.AddField("slackchannel", "name", models.CharField(blank=True, default="", db_default="", max_length=80)),
    ]
