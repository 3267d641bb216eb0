"""An index for how late access was cut off lately, however long ago it was given."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0051_channel_names")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                fields=["cut_at"], condition=models.Q(cut_at__isnull=False), name="grant_cut_lately"
            ),
        ),
    ]
