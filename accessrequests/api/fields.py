"""Fields that take exactly one JSON type and say in a sentence what they want instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api.problems import moment
from accessrequests.domain.window import (
    InvalidDuration,
    InvalidMoment,
    format_duration,
    parse_duration,
    parse_moment,
)
from accessrequests.domain.wording import one_line

MISSING = "Say what this shall be; it is missing."
LONGEST_TOLD = 60
MOST_TOLD = 20
LARGEST_PAGE = 200


class Text(serializers.CharField):
    """A string, taken as it is. NUL and halves of characters are refused."""

    default_error_messages = {
        "invalid": "Write a text in quotes.",
        "required": MISSING,
        "null": "Write a text in quotes, not null.",
        "blank": "Write something; it is empty.",
        "max_length": "Keep it within {max_length} characters.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class OneOf(serializers.ChoiceField):
    """One of a few words."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        listed = ", ".join(str(choice) for choice in choices)
        sentence = f"Choose one of: {listed}."
        messages: dict[str, Any] = {"invalid_choice": sentence, "required": MISSING, "null": sentence}
        super().__init__(choices, error_messages=messages, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input="")
        return super().to_internal_value(data)


class Number(serializers.IntegerField):
    """A whole number: no text, no truth value, no fraction."""

    default_error_messages = {
        "invalid": "Write a whole number without quotes.",
        "required": MISSING,
        "null": "Write a whole number without quotes.",
        "min_value": "Write a number of at least {min_value}.",
        "max_value": "Write a number of at most {max_value}.",
    }

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Texts(serializers.ListField):
    """A list of strings."""

    default_error_messages = {
        "not_a_list": 'Write a list of texts, like ["read@shop.orders"].',
        "required": MISSING,
        "null": 'Write a list of texts, like ["read@shop.orders"].',
        "max_length": "At most {max_length} fit here.",
        "min_length": "Name at least {min_length}.",
    }


@extend_schema_field(
    {
        "type": "string",
        "pattern": "^P(?=.)([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$",
        "description": "ISO 8601 of days, hours, minutes and seconds.",
        "example": "PT2H",
    }
)
class Length(serializers.Field[timedelta, Any, str, Any]):
    """A length of time as ISO 8601 text; given back in the shortest form."""

    default_error_messages = {
        "required": MISSING,
        "null": "Write the length as an ISO 8601 text of days, hours, minutes and seconds, like PT2H.",
    }

    def to_internal_value(self, data: Any) -> timedelta:
        try:
            return parse_duration(data)
        except InvalidDuration as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: timedelta) -> str:
        return format_duration(value)


@extend_schema_field({"type": "string", "format": "date-time", "example": "2030-01-31T09:30:00Z"})
class Moment(serializers.Field[datetime, Any, str, Any]):
    """A moment as RFC 3339 text that names its zone; given back in UTC."""

    default_error_messages = {
        "required": MISSING,
        "null": "Write the moment in RFC 3339 with its zone, like 2030-01-31T09:30:00Z.",
    }

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return parse_moment(data)
        except InvalidMoment as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: datetime) -> str:
        return moment(value)


class Flag(OneOf):
    """A truth value in an address: true or false."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(["true", "false"], **kwargs)


class YesNo(serializers.BooleanField):
    """A truth value in a body: true or false, and no word that could be taken for one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("Write true or false.")
        return data


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": 200, "default": 50})
class PageSize(serializers.Field[int, Any, int, Any]):
    """How many a page holds, from an address."""

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,3}", str(data), re.ASCII) or not 1 <= int(data) <= LARGEST_PAGE:
            raise serializers.ValidationError(f"Write a number from 1 to {LARGEST_PAGE}.")
        return int(data)

    def to_representation(self, value: int) -> int:
        return value


class Strict(serializers.Serializer[Any]):
    """Takes the fields that it declares and no other."""

    unknown = "There is no field of this name here. Leave it out."
    no_object = "Write an object with its fields here."

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(self.no_object)
        strangers = [str(name) for name in data if name not in self.fields]
        # Told back as harmless, short names: they come from outside.
        errors: dict[str, Any] = {
            one_line(name, LONGEST_TOLD) or "(empty)": [self.unknown] for name in strangers[:MOST_TOLD]
        }
        value = None
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors |= dict(error.detail) if isinstance(error.detail, dict) else {}
        if errors:
            raise serializers.ValidationError(errors)
        return value
