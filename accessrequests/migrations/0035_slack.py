"""Slack: linked accounts, what has arrived, and the copies that were posted."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accessrequests', '0034_access_reviews'),
    ]

    operations = [
        migrations.CreateModel(
            name='SlackArrival',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('at', models.DateTimeField()),
                ('answer', models.JSONField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SlackIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('enterprise_id', models.CharField(blank=True, max_length=32)),
                ('team_id', models.CharField(max_length=32)),
                ('slack_user_id', models.CharField(max_length=32)),
                ('slack_name', models.CharField(blank=True, max_length=100)),
                ('linked_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'slack identities',
            },
        ),
        migrations.CreateModel(
            name='SlackMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('card', 'card'), ('own_card', 'own card'), ('reply', 'reply'), ('notice', 'notice'), ('whisper', 'whisper')], max_length=8)),
                ('team_id', models.CharField(max_length=32)),
                ('channel', models.CharField(max_length=32)),
                ('revision', models.PositiveIntegerField(default=0)),
                ('about', models.CharField(blank=True, max_length=64)),
                ('slack_user_id', models.CharField(blank=True, max_length=32)),
                ('content', models.JSONField(blank=True, null=True)),
                ('state', models.CharField(choices=[('wanted', 'wanted'), ('posted', 'posted'), ('dead', 'dead')], default='wanted', max_length=8)),
                ('posted_in', models.CharField(blank=True, max_length=32)),
                ('ts', models.CharField(blank=True, max_length=32)),
                ('rendered_hash', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField()),
                ('posted_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='outboxmessage',
            name='outbox_job_known',
        ),
        migrations.AlterField(
            model_name='outboxmessage',
            name='job',
            field=models.CharField(choices=[('revoke', 'revoke'), ('provision', 'provision'), ('rotate', 'rotate'), ('erase_credential', 'erase credential'), ('notify', 'notify'), ('deliver', 'deliver'), ('reconcile', 'reconcile'), ('read_inventory', 'read inventory'), ('read_changes', 'read changes'), ('prove_alive', 'prove alive'), ('prune', 'prune'), ('ask_provider', 'ask provider'), ('rearm', 'rearm'), ('extend', 'extend'), ('diagnose', 'diagnose'), ('read_usage', 'read usage'), ('change_custom_role', 'change custom role'), ('read_schedules', 'read schedules'), ('watch_break_glass', 'watch break glass'), ('self_test', 'self test'), ('watch_kit', 'watch kit'), ('rotate_kit', 'rotate kit'), ('show_in_slack', 'show in slack'), ('send_to_slack', 'send to slack')], max_length=24),
        ),
        migrations.AddConstraint(
            model_name='outboxmessage',
            constraint=models.CheckConstraint(condition=models.Q(('job__in', ['revoke', 'provision', 'rotate', 'erase_credential', 'notify', 'deliver', 'reconcile', 'read_inventory', 'read_changes', 'prove_alive', 'prune', 'ask_provider', 'rearm', 'extend', 'diagnose', 'read_usage', 'change_custom_role', 'read_schedules', 'watch_break_glass', 'self_test', 'watch_kit', 'rotate_kit', 'show_in_slack', 'send_to_slack'])), name='outbox_job_known'),
        ),
        migrations.AddIndex(
            model_name='slackarrival',
            index=models.Index(fields=['at'], name='slack_arrival_age'),
        ),
        migrations.AddField(
            model_name='slackidentity',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slack_identities', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='slackmessage',
            name='access_request',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='slack_messages', to='accessrequests.accessrequest'),
        ),
        migrations.AddField(
            model_name='slackmessage',
            name='thread',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replies', to='accessrequests.slackmessage'),
        ),
        migrations.AddConstraint(
            model_name='slackidentity',
            constraint=models.UniqueConstraint(fields=('enterprise_id', 'team_id', 'slack_user_id'), name='slack_identity_one_person'),
        ),
        migrations.AddConstraint(
            model_name='slackidentity',
            constraint=models.UniqueConstraint(fields=('person', 'enterprise_id', 'team_id'), name='slack_identity_one_a_person'),
        ),
        migrations.AddIndex(
            model_name='slackmessage',
            index=models.Index(fields=['posted_in', 'ts'], name='slack_message_by_place'),
        ),
        migrations.AddIndex(
            model_name='slackmessage',
            index=models.Index(fields=['channel', '-posted_at'], name='slack_message_pace'),
        ),
        migrations.AddConstraint(
            model_name='slackmessage',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['card', 'own_card', 'reply', 'notice', 'whisper'])), name='slack_message_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='slackmessage',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['wanted', 'posted', 'dead'])), name='slack_message_state_known'),
        ),
        migrations.AddConstraint(
            model_name='slackmessage',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['card', 'own_card'])), fields=('access_request', 'kind', 'channel', 'revision'), name='slack_message_one_card'),
        ),
        migrations.AddConstraint(
            model_name='slackmessage',
            constraint=models.UniqueConstraint(condition=models.Q(('about', ''), _negated=True), fields=('about', 'kind', 'channel', 'thread'), name='slack_message_said_once', nulls_distinct=False),
        ),
    ]
