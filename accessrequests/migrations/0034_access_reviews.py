"""Adds reviews of access, and finds decisions by their time, as the dashboard asks for them."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import F, Q

_PROTECT = django.db.models.deletion.PROTECT
_KINDS = ["grant", "user", "member"]
_ANSWERS = ["keep", "end", "reduce"]
_LEVELS = ["read", "write", "admin", "delegating"]


def _id() -> tuple[str, models.BigAutoField[int, int]]:
    return "id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _to(model: str, related_name: str, **more: Any) -> models.ForeignKey[models.Model, models.Model]:
    return models.ForeignKey(on_delete=_PROTECT, related_name=related_name, to=model, **more)


def _names(longest: int) -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=longest), blank=True, default=list)


def _word(words: list[str], longest: int, **more: Any) -> models.CharField[str, str]:
    return models.CharField(choices=[(word, word) for word in words], max_length=longest, **more)


def _moment() -> models.DateTimeField[Any, Any]:
    return models.DateTimeField(blank=True, null=True)


_OPTIONAL: dict[str, Any] = {"blank": True, "null": True}
_CAMPAIGN: list[tuple[str, models.Field[Any, Any]]] = [
    _id(),
    ("name", models.CharField(max_length=120)),
    ("targets", _names(64)),
    ("environments", _names(32)),
    ("reviewers", _names(64)),
    ("started_by", _to(settings.AUTH_USER_MODEL, "+")),
    ("started_at", models.DateTimeField()),
    ("due_at", models.DateTimeField()),
    ("remind_at", models.DateTimeField()),
    ("signed_off_at", _moment()),
    ("signed_off_by", _to(settings.AUTH_USER_MODEL, "+", **_OPTIONAL)),
    ("note", models.TextField(blank=True)),
]
_ITEM: list[tuple[str, models.Field[Any, Any]]] = [
    _id(),
    ("campaign", _to("accessrequests.reviewcampaign", "items")),
    ("target", _to("accessrequests.target", "+")),
    ("kind", _word(_KINDS, 8)),
    ("grant", _to("accessrequests.grant", "review_items", **_OPTIONAL)),
    ("name", models.CharField(max_length=1100)),
    ("who", models.CharField(blank=True, max_length=300)),
    ("gains", _names(64)),
    ("what", models.TextField()),
    ("roles", models.JSONField(default=list)),
    ("level", _word(_LEVELS, 16, blank=True)),
    ("since_at", models.DateTimeField()),
    ("ends_at", _moment()),
    ("last_used_at", _moment()),
    ("is_use_known", models.BooleanField(default=False)),
    ("made_by", models.CharField(blank=True, max_length=200)),
    ("reviewers", _names(64)),
    ("answer", _word(_ANSWERS, 8, blank=True)),
    ("answered_by", _to(settings.AUTH_USER_MODEL, "+", **_OPTIONAL)),
    ("answered_at", _moment()),
    ("reason", models.TextField(blank=True)),
]
_ANSWERED = ~Q(answer="") & Q(answered_at__isnull=False, answered_by__isnull=False)
_SIGNED = Q(signed_off_at__isnull=False, signed_off_by__isnull=False)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0033_offline_kits")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ReviewCampaign",
            fields=_CAMPAIGN,
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(signed_off_at=None, signed_off_by=None) | _SIGNED,
                        name="review_signed_off_by_somebody",
                    ),
                    models.CheckConstraint(condition=Q(due_at__gt=F("started_at")), name="review_due_later"),
                ],
                "indexes": [
                    models.Index(fields=["remind_at"], condition=Q(signed_off_at=None), name="review_reminding")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewItem",
            fields=_ITEM,
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(kind__in=_KINDS), name="review_item_kind_known"),
                    models.CheckConstraint(condition=Q(answer__in=[*_ANSWERS, ""]), name="review_item_answer_known"),
                    models.UniqueConstraint(fields=["campaign", "grant"], name="review_item_once_a_grant"),
                    models.UniqueConstraint(
                        fields=["campaign", "target", "kind", "name"],
                        condition=Q(grant=None),
                        name="review_item_once_a_login",
                    ),
                    models.CheckConstraint(condition=Q(kind="grant") ^ Q(grant=None), name="review_item_of_a_grant"),
                    models.CheckConstraint(
                        condition=Q(answer="", answered_at=None, answered_by=None) | _ANSWERED,
                        name="review_item_answered_by_somebody",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(fields=["decided_at"], name="access_request_decided"),
        ),
    ]
