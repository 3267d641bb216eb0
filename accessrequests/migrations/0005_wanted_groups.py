"""Remember which groups a request still wants somebody of. What is open now is shown to all that it asks."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0004_what_is_removed")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="accessrequest",
            name="wanted_groups",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), default=list, size=None
            ),
        ),
        migrations.RunSQL(
            "UPDATE accessrequests_accessrequest SET wanted_groups = step_groups WHERE state = 'pending'",
            migrations.RunSQL.noop,
        ),
    ]
