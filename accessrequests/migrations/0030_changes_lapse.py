"""Has a change of a custom role lapse that nobody answers."""

from __future__ import annotations

from typing import ClassVar

import django.utils.timezone
from django.db import migrations, models

_STATES = [
    *(("pending", "pending"), ("approved", "approved"), ("denied", "denied"), ("cancelled", "cancelled")),
    *(("expired", "expired"), ("applied", "applied"), ("failed", "failed")),
]
# As long as the policy's default, for those that were proposed before a rule could say.
_LAPSE_THE_OLD = """
UPDATE accessrequests_customrolechange
SET lapses_at = proposed_at + interval '8 hours', verdict = verdict || '{"lapses_after": "PT8H"}'
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0029_late_invitations")]

    operations: ClassVar = [
        migrations.RemoveConstraint("customrolechange", "custom_role_change_state_known"),
        migrations.AlterField("customrolechange", "state", models.CharField(choices=_STATES, max_length=16)),
        migrations.AddConstraint(
            "customrolechange",
            models.CheckConstraint(
                condition=models.Q(state__in=[value for value, _ in _STATES]), name="custom_role_change_state_known"
            ),
        ),
        migrations.AddField(
            "customrolechange",
            "lapses_at",
            models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.RunSQL(_LAPSE_THE_OLD, migrations.RunSQL.noop),
        migrations.AddIndex(
            "customrolechange",
            models.Index(
                condition=models.Q(state="pending"), fields=["lapses_at"], name="custom_role_change_lapsing"
            ),
        ),
    ]
