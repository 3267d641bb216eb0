"""Indexes for what somebody holds now, and for those who ask for others: as small as what they are of."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0052_cut_lately")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                fields=["holder", "-id"],
                include=["state", "not_before"],
                condition=models.Q(("state", "revoked"), _negated=True),
                name="grant_mine_live",
            ),
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(
                fields=["requester", "beneficiary"],
                condition=models.Q(("requester", models.F("beneficiary")), _negated=True),
                name="access_request_for_another",
            ),
        ),
    ]
