"""What people type about reviews of access: which to start, what to answer, and the last word."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from accessrequests.domain.access_reviews import MOST_AT_ONCE, ReviewAnswer
from accessrequests.models import Target
from accessrequests.operations.access_reviews import NAME_MAXIMUM
from accessrequests.queries import access_reviews
from accessrequests.web.fields import text_line
from accessrequests.web.forms import LONGEST_TEXT, Blamed

MOST_TARGETS = 500
DAYS = (7, 14, 30, 90)


class StartForm(Blamed):
    """A review to be. `once` tells a double click from two reviews."""

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    name = forms.CharField(
        label="Name",
        max_length=NAME_MAXIMUM,
        widget=text_line(),
        help_text="Those who review and the auditor read it, like “Production, fourth quarter”.",
        error_messages={"required": "Give it a name."},
    )
    environments = forms.MultipleChoiceField(
        label="Environments",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Every target of these. Neither an environment nor a target: everything.",
    )
    targets = forms.MultipleChoiceField(label="Targets", required=False, widget=forms.CheckboxSelectMultiple)
    reviewers = forms.MultipleChoiceField(
        label="Who reviews",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: those who own each target. Nobody reviews what they gain by themselves.",
    )
    days = forms.TypedChoiceField(
        label="Answers are due",
        coerce=int,
        choices=[(days, f"in {days} days") for days in DAYS],
        initial=14,
        widget=forms.Select(attrs={"class": "input"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        found = list(Target.objects.order_by("slug").values_list("slug", "environment", "retired_at")[:MOST_TARGETS])
        environments = sorted({environment for _, environment, _ in found})
        self._offer("environments", environments)
        self._offer("targets", [slug for slug, *_ in found])
        self._offer("reviewers", access_reviews.known_groups())

    def _offer(self, field: str, names: list[str]) -> None:
        self.fields[field].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def asked(self, at: datetime) -> dict[str, Any]:
        """As the operation takes it."""
        said = {name: self.cleaned_data[name] for name in ("name", "environments", "targets", "reviewers")}
        return {**said, "due_at": at + timedelta(days=self.cleaned_data["days"])}


class AnswerForm(Blamed):
    """One answer to all that is ticked, or to everything that the page shows and waits."""

    answer = forms.ChoiceField(
        label="Answer",
        choices=[(one.value, one.value) for one in ReviewAnswer],
        error_messages={"required": "Press Keep, End or Reduce.", "invalid_choice": "Press Keep, End or Reduce."},
    )
    items = forms.TypedMultipleChoiceField(label="Access", coerce=int, required=False)
    reason = forms.CharField(label="Why", required=False, max_length=LONGEST_TEXT, widget=text_line())

    def __init__(self, *args: Any, answerable: list[int], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["items"].choices = [(number, number) for number in answerable]  # type: ignore[attr-defined]
        self.fields["items"].error_messages["invalid_choice"] = "Some of it was answered meanwhile, or is not yours."

    def clean_items(self) -> list[int]:
        items: list[int] = self.cleaned_data["items"]
        if not items:
            raise forms.ValidationError("Tick at least one access, or “Everything on this page”.")
        if len(items) > MOST_AT_ONCE:
            raise forms.ValidationError(f"Answer at most {MOST_AT_ONCE} at once.")
        return items


class CancelForm(Blamed):
    """Why a review is given up."""

    reason = forms.CharField(
        label="Why it is cancelled",
        max_length=LONGEST_TEXT,
        widget=text_line(),
        help_text="Nobody is asked or reminded any more. What was answered stands, and the review stays on record.",
        error_messages={"required": "Say why, so that an auditor knows why it was never finished."},
    )


class SignOffForm(Blamed):
    """The last word on a review."""

    note = forms.CharField(
        label="A note for the auditor",
        required=False,
        max_length=LONGEST_TEXT,
        widget=text_line(),
        help_text="It is kept with your name and the counts, and nothing of the review changes afterwards.",
    )
