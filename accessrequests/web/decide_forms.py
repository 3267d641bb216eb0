"""What people type about a request: a yes, a no, a comment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from accessrequests.domain.window import LENGTHS, parse_duration, spell_duration
from accessrequests.queries.comments import LONGEST
from accessrequests.web.fields import Length, text_line
from accessrequests.web.forms import Blamed

SHORTER = [parse_duration(length) for length in LENGTHS]


class ApproveForm(Blamed):
    """One yes. The length may only be shortened; whether it was is judged elsewhere. Its buttons carry the length."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    duration = Length(label="For how long", required=False)
    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=LONGEST,
        widget=text_line(),
        help_text="The requester reads this.",
    )

    def __init__(self, *args: Any, longest: timedelta, **options: Any) -> None:
        # Several forms stand on one page, so their fields need ids of their own.
        super().__init__(*args, **{**options, "auto_id": "approve_%s"})
        self.fields["duration"].help_text = f"At most {spell_duration(longest)}."


class DenyForm(Blamed):
    """One no, with its reason."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(
        label="Why not",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3, "autocomplete": "off"}),
        help_text="The requester reads this, so say what to ask for instead.",
        error_messages={"required": "Say why, so that the requester knows what to ask for instead."},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "auto_id": "deny_%s"})


class CommentForm(Blamed):
    """A few words to the others. `once` tells a form that is sent twice from two comments with the same words."""

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    text = forms.CharField(
        label="Comment",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"class": "input", "rows": 2, "autocomplete": "off", "data-shortcut": "c"}),
        help_text="Everybody who may see this request reads it, and the others are told of it. No secrets.",
        error_messages={"required": "Write something, or leave it."},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "auto_id": "comment_%s"})
