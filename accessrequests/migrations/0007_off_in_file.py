"""Remember whom the file of people switched off: a provider that turned them away too must not let them in again."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0006_search")]

    operations: ClassVar = [
        migrations.AddField("person", "is_off_in_file", models.BooleanField(default=False)),
    ]
