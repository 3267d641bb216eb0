"""Forms that need little: why an access ends, and a personal token to be. And what several share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms

from accessrequests.domain.window import LENGTHS, format_duration, parse_duration, spell_duration
from accessrequests.models import Person
from accessrequests.queries.asks import Invalid
from accessrequests.web.fields import text_line

LONGEST_TEXT = 2_000


class Blamed(forms.Form):
    """A form that takes what an operation found wrong."""

    def blame(self, error: Invalid) -> None:
        """Put each sentence beside the field that it is about."""
        for name, sentences in error.errors.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


class RevokeForm(forms.Form):
    """Why somebody else's access ends."""

    reason = forms.CharField(
        label="Why it ends",
        max_length=LONGEST_TEXT,
        widget=text_line(),
        help_text="The holder reads this.",
        error_messages={"required": "Say why, so that the holder knows."},
    )


class ExtendForm(Blamed):
    """More time for one's own access. Only what the policy leaves is offered."""

    duration = forms.ChoiceField(label="How much longer", widget=forms.Select(attrs={"class": "input short"}))
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_TEXT,
        widget=text_line(),
        help_text="Kept with the access, and read by those who decide.",
        error_messages={"required": "Say why you need it for longer."},
    )

    def __init__(self, *args: Any, longest: timedelta, **options: Any) -> None:
        super().__init__(*args, **{**options, "auto_id": "extend_%s"})
        offered = [one for one in map(parse_duration, LENGTHS) if one < longest]
        choices = [(format_duration(one), spell_duration(one)) for one in [*offered, longest]]
        self.fields["duration"].choices = choices  # type: ignore[attr-defined]

    def clean_duration(self) -> timedelta:
        return parse_duration(self.cleaned_data["duration"])


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

    service = forms.ChoiceField(
        label="For whom",
        required=False,
        widget=forms.Select(attrs={"class": "input"}),
        help_text="A service identity may read, reveal and end, and nothing else.",
    )

    def __init__(
        self, *args: Any, scopes: list[tuple[str, str]], services: Iterable[Person] = (), **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.services = {service.username: service for service in services}
        self.fields["scopes"].choices = scopes  # type: ignore[attr-defined]
        choices = [("", "Me"), *((one.username, one.name) for one in self.services.values())]
        self.fields["service"].choices = choices  # type: ignore[attr-defined]

    @property
    def whose(self) -> Person | None:
        """The service identity that it is for; nobody, where it is for oneself."""
        return self.services.get(self.cleaned_data["service"])
