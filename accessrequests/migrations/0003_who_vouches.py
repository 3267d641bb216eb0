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
            name="shortcuts",
            field=models.BooleanField(default=True),
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
    ]
