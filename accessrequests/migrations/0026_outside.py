"""Lists what others have on a target and what they changed there, and remembers calls that may come late."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile"),
    *("read_inventory", "read_changes", "prove_alive", "prune", "ask_provider", "rearm"),
    *("extend", "diagnose", "read_usage", "change_custom_role", "read_schedules"),
]
_PERIODIC = ["reconcile", "read_inventory", "read_changes", "prove_alive", "prune"]
_KINDS = [(kind, kind) for kind in ("user", "role", "entry", "member")]


def _id() -> tuple[str, models.BigAutoField[int, int]]:
    return "id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _of(model: str, related_name: str) -> models.ForeignKey[models.Model, models.Model]:
    to = f"accessrequests.{model}"
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0025_schedules")]

    operations: ClassVar = [
        *(
            migrations.AddField("look", name, models.DateTimeField(blank=True, null=True))
            for name in ("changes_until", "logins_until", "asked_at")
        ),
        migrations.CreateModel(
            name="Other",
            fields=[
                _id(),
                ("kind", models.CharField(choices=_KINDS, max_length=8)),
                ("name", models.CharField(max_length=1100)),
                ("detail", models.TextField(blank=True)),
                ("first_seen_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("made_by", models.CharField(blank=True, max_length=200)),
                ("last_login_at", models.DateTimeField(blank=True, null=True)),
                ("target", _of("target", "others")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[kind for kind, _ in _KINDS]), name="other_kind_known"
                    ),
                    models.UniqueConstraint(fields=["target", "kind", "name"], name="other_once"),
                ],
                "indexes": [models.Index(fields=["target", "-id"], name="other_of_target")],
            },
        ),
        migrations.CreateModel(
            name="OutsideChange",
            fields=[
                _id(),
                ("event_id", models.CharField(max_length=64)),
                ("event", models.CharField(max_length=64)),
                ("kind", models.CharField(choices=_KINDS, max_length=8)),
                ("name", models.CharField(blank=True, max_length=1100)),
                ("actor", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField()),
                ("touches_ours", models.BooleanField(default=False)),
                ("target", _of("target", "outside_changes")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[kind for kind, _ in _KINDS]), name="outside_change_kind_known"
                    ),
                    models.UniqueConstraint(fields=["target", "event_id"], name="outside_change_once"),
                ],
                "indexes": [models.Index(fields=["target", "-at", "-id"], name="outside_change_of_target")],
            },
        ),
        migrations.CreateModel(
            name="SharedCall",
            fields=[
                _id(),
                ("lease_of", models.BigIntegerField()),
                ("lease_number", models.PositiveIntegerField()),
                ("says", models.JSONField()),
                ("began_at", models.DateTimeField()),
                ("grant", _of("grant", "+")),
                ("target", _of("target", "+")),
            ],
            options={"indexes": [models.Index(fields=["lease_of", "lease_number"], name="shared_call_of_lease")]},
        ),
        migrations.RemoveConstraint("outboxmessage", "outbox_job_known"),
        migrations.RemoveConstraint("outboxmessage", "outbox_periodic_once"),
        migrations.AlterField(
            "outboxmessage",
            "job",
            models.CharField(choices=[(job, job.replace("_", " ")) for job in _JOBS], max_length=24),
        ),
        migrations.AddConstraint(
            "outboxmessage", models.CheckConstraint(condition=models.Q(job__in=_JOBS), name="outbox_job_known")
        ),
        migrations.AddConstraint(
            "outboxmessage",
            models.UniqueConstraint(
                fields=["job", "subject"],
                condition=models.Q(done_at=None, job__in=_PERIODIC),
                name="outbox_periodic_once",
            ),
        ),
    ]
