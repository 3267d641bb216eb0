"""Forms that need little: why an access ends, and a personal token to be. And what several share."""

from __future__ import annotations

from typing import Any

from django import forms

from accessrequests.web.fields import text_line

LENGTHS = ("PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT24H")
LONGEST_TEXT = 2_000


class RevokeForm(forms.Form):
    """Why somebody else's access ends."""

    reason = forms.CharField(
        label="Why it ends",
        max_length=LONGEST_TEXT,
        widget=text_line(),
        help_text="The holder reads this.",
        error_messages={"required": "Say why, so that the holder knows."},
    )


class TokenForm(forms.Form):
    """A personal token to be."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        widget=text_line(),
        help_text="What it is for, like laptop.",
        error_messages={"required": "Give it a name."},
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one scope."},
    )
    days = forms.IntegerField(
        label="Days until it stops",
        required=False,
        min_value=1,
        max_value=366,
        widget=forms.NumberInput(attrs={"class": "input short"}),
        help_text="Empty: it works until it is revoked.",
    )

    def __init__(self, *args: Any, scopes: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["scopes"].choices = scopes  # type: ignore[attr-defined]
