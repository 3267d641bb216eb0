"""Fields of our own: words, lengths and moments as people write them."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from accessrequests.domain.window import InvalidDuration, InvalidMoment, parse_moment, read_length

_LOCAL_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_SEPARATORS = re.compile(r"[\s,;]+")


class Words(forms.CharField):
    """A list of words in one line, kept apart by spaces or commas."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return tuple(dict.fromkeys(word for word in _SEPARATORS.split(text or "") if word))


class RoleWords(Words):
    """Roles in one line. A comma before the @ is between single actions, one after it between roles."""

    def to_python(self, value: Any) -> Any:
        found: list[str] = []
        for piece in re.split(r"([\s,;]+)", forms.CharField.to_python(self, value) or ""):
            if found and (piece.strip() == "," or found[-1].endswith(",")) and "@" not in found[-1]:
                found[-1] += piece.strip()
            elif piece.strip(" \t\r\n,;"):
                found.append(piece)
        return tuple(dict.fromkeys(found))


class Length(forms.CharField):
    """A length as people say it, like 90 min or 2 h, or PT2H."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return read_length(text)
        except InvalidDuration as error:
            raise forms.ValidationError(str(error)) from error


class Moment(forms.CharField):
    """A moment in UTC, as a browser's own picker writes it, or in RFC 3339."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if _LOCAL_MOMENT.fullmatch(text):
            text = f"{text}:00Z" if len(text) == len("2030-01-31T09:30") else f"{text}Z"
        try:
            return parse_moment(text)
        except InvalidMoment as error:
            raise forms.ValidationError(str(error)) from error


class AnyOf(forms.MultipleChoiceField):
    """Ticked boxes. Whether the target has such a role is judged with everything else, not by the boxes shown."""

    def valid_value(self, value: Any) -> bool:
        return True


def text_line(**more: Any) -> forms.TextInput:
    """A plain text field. Nothing that was typed here belongs into a browser's memory."""
    return forms.TextInput(attrs={"class": "input", "autocomplete": "off", **more})
