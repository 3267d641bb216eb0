"""Reviews of access, and what stands in them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Moment
from accessrequests.models import ReviewItem
from accessrequests.queries import access_reviews


class ProgressShape(serializers.Serializer[Any]):
    """How many of what one may see are what."""

    total = serializers.IntegerField()
    open = serializers.IntegerField(help_text="Those that still wait for an answer.")
    keep = serializers.IntegerField()
    end = serializers.IntegerField()
    reduce = serializers.IntegerField()
    over = serializers.IntegerField(help_text="Those whose access ended before anybody answered.")


class ReviewShape(serializers.Serializer[Any]):
    """One review: its scope, who answers, and how far it has come."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    environments = serializers.ListField(child=serializers.CharField())
    targets = serializers.ListField(child=serializers.CharField(), help_text="With no environment either: all.")
    reviewers = serializers.ListField(
        child=serializers.CharField(), help_text="The groups that answer; none: those who own each target."
    )
    started_by = serializers.CharField(source="started_by.username")
    started_at = Moment()
    due_at = Moment()
    signed_off_by = serializers.CharField(source="signed_off_by.username", allow_null=True, default=None)
    signed_off_at = Moment(allow_null=True)
    cancelled_by = serializers.CharField(source="cancelled_by.username", allow_null=True, default=None)
    cancelled_at = Moment(allow_null=True)
    note = serializers.CharField(help_text="What was said when it was signed off or cancelled.")
    progress = serializers.SerializerMethodField()

    def get_progress(self, campaign: Any) -> dict[str, int]:
        return dict(ProgressShape(self.context["progress"][campaign.pk]).data)


class ReviewItemShape(serializers.Serializer[Any]):
    """One access, frozen as it stood when the review started, and what was said to it."""

    id = serializers.IntegerField(source="pk")
    review = serializers.IntegerField(source="campaign_id")
    target = serializers.CharField(source="target.slug")
    kind = serializers.ChoiceField(
        words.REVIEW_KINDS,
        help_text="grant is ours; user and member are not; kit is of an offline kit; own is the "
        "login that this product works with, which can only be kept.",
    )
    grant = serializers.IntegerField(source="grant_id", allow_null=True)
    username = serializers.CharField(source="name", help_text="The login on the target.")
    who = serializers.CharField(help_text="Whose it is, as far as that is known.")
    what = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    level = serializers.CharField(help_text="read, write, admin or delegating; empty where no role was read.")
    since = Moment(source="since_at")
    ends_at = Moment(allow_null=True)
    last_used_at = Moment(allow_null=True, help_text="Null: never as far as it was read, or not known (is_use_known).")
    is_use_known = serializers.BooleanField()
    made_by = serializers.CharField()
    reviewers = serializers.ListField(child=serializers.CharField())
    state = serializers.SerializerMethodField(help_text="open, keep, end, reduce or over.")
    answered_by = serializers.CharField(source="answered_by.username", allow_null=True, default=None)
    answered_at = Moment(allow_null=True)
    reason = serializers.CharField()

    def get_state(self, item: ReviewItem) -> str:
        return item.answer or ("over" if access_reviews.is_over(item) else "open")
