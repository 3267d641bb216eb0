"""Adds changes of custom roles, and the custom roles of a project to its inventory."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accessrequests", "0023_reminders"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="CustomRoleChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("create", "create"), ("edit", "edit"), ("delete", "delete")], max_length=8
                    ),
                ),
                ("role", models.CharField(max_length=128)),
                ("before", models.JSONField(blank=True, null=True)),
                ("after", models.JSONField(blank=True, null=True)),
                ("reason", models.TextField()),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("read", "read"),
                            ("write", "write"),
                            ("admin", "admin"),
                            ("delegating", "delegating"),
                        ],
                        max_length=16,
                    ),
                ),
                ("verdict", models.JSONField()),
                (
                    "step_groups",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                ("answers", models.JSONField(blank=True, default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("approved", "approved"),
                            ("denied", "denied"),
                            ("cancelled", "cancelled"),
                            ("applied", "applied"),
                            ("failed", "failed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=1)),
                ("proposed_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decided_by", models.CharField(blank=True, max_length=64)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="outboxmessage",
            name="outbox_job_known",
        ),
        migrations.AddField(
            model_name="inventory",
            name="custom_roles",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="outboxmessage",
            name="job",
            field=models.CharField(
                choices=[
                    ("revoke", "revoke"),
                    ("provision", "provision"),
                    ("rotate", "rotate"),
                    ("erase_credential", "erase credential"),
                    ("notify", "notify"),
                    ("reconcile", "reconcile"),
                    ("read_inventory", "read inventory"),
                    ("prove_alive", "prove alive"),
                    ("prune", "prune"),
                    ("ask_provider", "ask provider"),
                    ("rearm", "rearm"),
                    ("extend", "extend"),
                    ("diagnose", "diagnose"),
                    ("read_usage", "read usage"),
                    ("change_custom_role", "change custom role"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "job__in",
                        [
                            "revoke",
                            "provision",
                            "rotate",
                            "erase_credential",
                            "notify",
                            "reconcile",
                            "read_inventory",
                            "prove_alive",
                            "prune",
                            "ask_provider",
                            "rearm",
                            "extend",
                            "diagnose",
                            "read_usage",
                            "change_custom_role",
                        ],
                    )
                ),
                name="outbox_job_known",
            ),
        ),
        migrations.AddField(
            model_name="customrolechange",
            name="policy_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accessrequests.policyversion"
            ),
        ),
        migrations.AddField(
            model_name="customrolechange",
            name="proposer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="customrolechange",
            name="target",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="custom_role_changes",
                to="accessrequests.target",
            ),
        ),
        migrations.AddIndex(
            model_name="customrolechange",
            index=models.Index(fields=["target", "-id"], name="custom_role_change_newest"),
        ),
        migrations.AddConstraint(
            model_name="customrolechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "approved", "denied", "cancelled", "applied", "failed"])),
                name="custom_role_change_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="customrolechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["create", "edit", "delete"])), name="custom_role_change_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="customrolechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__in", ["read", "write", "admin", "delegating"])),
                name="custom_role_change_level_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="customrolechange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "approved"])),
                fields=("target", "role"),
                name="custom_role_change_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="customrolechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "pending"), ("decided_at__isnull", False), _connector="XOR"),
                name="custom_role_change_decided_or_pending",
            ),
        ),
    ]
