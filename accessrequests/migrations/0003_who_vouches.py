"""Who vouches for a person, who gave a membership, and what a person chose."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accessrequests", "0002_facts_stay"),
    ]

    operations = [
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.CharField(max_length=300)),
                ("subject", models.CharField(max_length=255)),
                ("made_person", models.BooleanField(default=False)),
                ("linked_at", models.DateTimeField()),
                ("sealed_tokens", models.BinaryField(blank=True, null=True)),
                ("tokens_round", models.PositiveIntegerField(default=0)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("refused_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "identities",
            },
        ),
        migrations.AddField(
            model_name="membership",
            name="source",
            field=models.CharField(choices=[("file", "file"), ("provider", "provider")], default="file", max_length=16),
        ),
        migrations.AddField(
            model_name="person",
            name="session_round",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="person",
            name="time_zone",
            field=models.CharField(default="UTC", max_length=64),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["file", "provider"])), name="membership_source_known"
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="person",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="identity", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.UniqueConstraint(fields=("issuer", "subject"), name="identity_one_person"),
        ),
        migrations.RemoveConstraint(
            model_name='outboxmessage',
            name='outbox_job_known',
        ),
        migrations.AlterField(
            model_name='outboxmessage',
            name='job',
            field=models.CharField(choices=[('revoke', 'revoke'), ('provision', 'provision'), ('rotate', 'rotate'), ('erase_credential', 'erase credential'), ('notify', 'notify'), ('reconcile', 'reconcile'), ('read_inventory', 'read inventory'), ('prove_alive', 'prove alive'), ('ask_provider', 'ask provider')], max_length=24),
        ),
        migrations.AddConstraint(
            model_name='outboxmessage',
            constraint=models.CheckConstraint(condition=models.Q(('job__in', ['revoke', 'provision', 'rotate', 'erase_credential', 'notify', 'reconcile', 'read_inventory', 'prove_alive', 'ask_provider'])), name='outbox_job_known'),
        ),
    ]
