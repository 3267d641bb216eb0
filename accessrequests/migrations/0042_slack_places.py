"""Keeps whether Slack takes anything from us, and how the channels are in which people are asked."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0041_channels_of_people")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SlackChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=32, unique=True)),
                ("moved_to", models.CharField(blank=True, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ours", "ours"),
                            ("absent", "absent"),
                            ("shared", "shared"),
                            ("archived", "archived"),
                        ],
                        max_length=8,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("looked_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SlackWorkspace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("team_id", models.CharField(max_length=32, unique=True)),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
                ("why", models.TextField(blank=True)),
                ("connected_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="outboxmessage",
            name="outbox_periodic_once",
        ),
        migrations.RemoveConstraint(
            model_name="outboxmessage",
            name="outbox_job_known",
        ),
        migrations.RemoveConstraint(
            model_name="slackmessage",
            name="slack_message_state_known",
        ),
        migrations.RemoveIndex(
            model_name="slackmessage",
            name="slack_message_wanted",
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
                    ("deliver", "deliver"),
                    ("reconcile", "reconcile"),
                    ("read_inventory", "read inventory"),
                    ("read_changes", "read changes"),
                    ("prove_alive", "prove alive"),
                    ("prune", "prune"),
                    ("ask_provider", "ask provider"),
                    ("rearm", "rearm"),
                    ("extend", "extend"),
                    ("diagnose", "diagnose"),
                    ("read_usage", "read usage"),
                    ("change_custom_role", "change custom role"),
                    ("read_schedules", "read schedules"),
                    ("watch_break_glass", "watch break glass"),
                    ("self_test", "self test"),
                    ("watch_kit", "watch kit"),
                    ("rotate_kit", "rotate kit"),
                    ("show_in_slack", "show in slack"),
                    ("send_to_slack", "send to slack"),
                    ("show_home", "show home"),
                    ("watch_slack", "watch slack"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="slackmessage",
            name="state",
            field=models.CharField(
                choices=[("wanted", "wanted"), ("posted", "posted"), ("left", "left"), ("dead", "dead")],
                default="wanted",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="slackmessage",
            index=models.Index(
                condition=models.Q(("state__in", ["wanted", "left"])), fields=["id"], name="slack_message_wanted"
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
                            "deliver",
                            "reconcile",
                            "read_inventory",
                            "read_changes",
                            "prove_alive",
                            "prune",
                            "ask_provider",
                            "rearm",
                            "extend",
                            "diagnose",
                            "read_usage",
                            "change_custom_role",
                            "read_schedules",
                            "watch_break_glass",
                            "self_test",
                            "watch_kit",
                            "rotate_kit",
                            "show_in_slack",
                            "send_to_slack",
                            "show_home",
                            "watch_slack",
                        ],
                    )
                ),
                name="outbox_job_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("done_at", None),
                    (
                        "job__in",
                        [
                            "reconcile",
                            "read_inventory",
                            "read_changes",
                            "prove_alive",
                            "prune",
                            "watch_break_glass",
                            "self_test",
                            "watch_kit",
                            "read_schedules",
                            "ask_provider",
                            "rearm",
                            "read_usage",
                            "watch_slack",
                        ],
                    ),
                ),
                fields=("job", "subject"),
                name="outbox_periodic_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="slackmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["wanted", "posted", "left", "dead"])),
                name="slack_message_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="slackchannel",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["ours", "absent", "shared", "archived"])),
                name="slack_channel_state_known",
            ),
        ),
    ]
