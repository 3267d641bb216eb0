"""What lists can be narrowed to."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Flag, Moment, OneOf, PageSize, Strict, Text

_SUBJECT = re.compile(r"(access_request|access_review|grant|custom_role_change|target|policy|person)/[^\s/]{1,80}")
_EVENT = re.compile(r"[a-z_]{1,30}\.([a-z_]{1,30}|\*)")


class Filters(Strict):
    """What every list takes."""

    unknown = "There is no filter of this name here. Leave it out."
    page_size = PageSize(required=False, help_text="How many results a page holds.")
    cursor = Text(required=False, max_length=100, help_text="Part of next and previous. Follow those as they are.")


class AccessRequestFilters(Filters):
    """Which access requests."""

    state = OneOf(words.ACCESS_REQUEST_STATES, required=False)
    mine = Flag(required=False, help_text="true: those that you asked for, or whose access you get.")
    awaiting_me = Flag(required=False, help_text="true: those that wait for an answer that you may give.")


class GrantFilters(Filters):
    """Which grants."""

    state = OneOf(words.GRANT_STATES, required=False)


class CustomRoleChangeFilters(Filters):
    """Which changes of custom roles."""

    state = OneOf(words.CHANGE_STATES, required=False)
    target = Text(required=False, max_length=64, help_text="The slug of a target.")


class ReviewItemFilters(Filters):
    """Which of what is reviewed."""

    state = OneOf(words.REVIEW_STATES, required=False)
    target = Text(required=False, max_length=64, help_text="The slug of a target.")


class AuditFilters(Strict):
    """Which audit events."""

    unknown = Filters.unknown
    subject = Text(
        required=False,
        max_length=100,
        help_text="Like access_request/7 (its grant's events included), grant/7, target/shop-prod, person/alice.",
    )
    actor = Text(required=False, max_length=64, help_text="A user name, or access-requests for the machine's own.")
    event = Text(required=False, max_length=64, help_text="Exact, like grant.cut, or a family, like grant.*")
    since = Moment(required=False, help_text="From this moment on.")

    def validate_subject(self, subject: str) -> str:
        return _fitting(_SUBJECT, subject, "Write a subject like access_request/7, grant/7 or target/shop-prod.")

    def validate_event(self, event: str) -> str:
        return _fitting(_EVENT, event, "Write an event like grant.cut, or a family of them like grant.*")


class AuditPageFilters(AuditFilters, Filters):
    """Which audit events, by the page."""

    unknown = Filters.unknown


def _fitting(pattern: re.Pattern[str], text: str, sentence: str) -> str:
    if not pattern.fullmatch(text):
        raise serializers.ValidationError(sentence)
    return text


def narrowed(filters: dict[str, Any], *names: str) -> dict[str, Any]:
    """Those filters that are columns of the table itself."""
    return {name: filters[name] for name in names if name in filters}
