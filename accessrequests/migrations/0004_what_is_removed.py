"""The hourly removal of what nobody reads any more, and an index for the last sign of life of each part."""

from __future__ import annotations

from django.db import migrations, models

JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile"),
    *("read_inventory", "prove_alive", "prune", "ask_provider"),
]
PERIODIC = ["reconcile", "read_inventory", "prove_alive", "prune"]


class Migration(migrations.Migration):
    dependencies = [
        ("accessrequests", "0003_who_vouches"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="outboxmessage", name="outbox_job_known"),
        migrations.RemoveConstraint(model_name="outboxmessage", name="outbox_periodic_once"),
        migrations.AlterField(
            model_name="outboxmessage",
            name="job",
            field=models.CharField(choices=[(job, job.replace("_", " ")) for job in JOBS], max_length=24),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("done_at__isnull", False), ("job", "prove_alive")),
                fields=["subject", "-done_at"],
                name="outbox_last_sign",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.CheckConstraint(condition=models.Q(("job__in", JOBS)), name="outbox_job_known"),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("done_at", None), ("job__in", PERIODIC)),
                fields=("job", "subject"),
                name="outbox_periodic_once",
            ),
        ),
    ]
