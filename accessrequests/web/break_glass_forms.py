"""What is typed to break the glass, and to review it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django import forms

from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.break_glass_terms import USUAL
from accessrequests.domain.policy import Verdict
from accessrequests.domain.reviews import Finding
from accessrequests.domain.window import format_duration, parse_duration, spell_duration
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries.asks import Asked, Invalid
from accessrequests.queries.break_glass import LONGEST_INCIDENT
from accessrequests.queries.broken import Pane
from accessrequests.web.ask_boxes import Box, Chip
from accessrequests.web.ask_scope import Choice, cluster_choices
from accessrequests.web.fields import AnyOf, Length, Words, text_line
from accessrequests.web.forms import LONGEST_TEXT

LENGTHS = ("PT15M", "PT30M", "PT1H", "PT2H", "PT4H")
_TONES = {"read": "ok", "write": "warn"}


class BreakForm(forms.Form):
    """Everything that is needed to break the glass, on one page and in one go."""

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    incident = forms.CharField(
        label="Incident",
        max_length=LONGEST_INCIDENT,
        widget=text_line(),
        help_text="Its number, like INC-884. Without one, open one first: everybody asks for it afterwards.",
        error_messages={"required": "Name the incident that this is for, like INC-884."},
    )
    role = AnyOf(
        label="Access",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one role."},
    )
    duration = Length(
        label="For how long", widget=forms.RadioSelect, error_messages={"required": "Choose for how long you need it."}
    )
    clusters = AnyOf(label="Clusters", required=False, widget=forms.CheckboxSelectMultiple)
    source_addresses = Words(
        label="Only from these addresses",
        required=False,
        widget=text_line(spellcheck="false"),
        help_text="Addresses or blocks of them, like 192.0.2.7. Empty: from anywhere that the target lets in.",
    )
    reason = forms.CharField(
        label="What is happening",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        help_text="At least 20 characters. Everybody who is told reads this, and whoever reviews it. No secrets.",
        error_messages={"required": "Say what is happening and what you are going to do."},
    )
    is_drill = forms.BooleanField(label="This is a drill", required=False)
    confirm_target = forms.CharField(
        max_length=64,
        widget=text_line(spellcheck="false", autocapitalize="none", **{"class": "input mono"}),
        error_messages={"required": "Type the name of the target, so that it is the right one."},
    )
    second_factor = forms.CharField(
        label="Code of your second factor",
        max_length=20,
        widget=forms.TextInput(
            attrs={"class": "input mono short", "autocomplete": "one-time-code", "inputmode": "numeric"}
        ),
        error_messages={"required": "Type the code that your app shows now, or a recovery code."},
    )

    def __init__(
        self, *args: Any, pane: Pane, clusters: Mapping[str, Any], needs_code: bool, needs_address: bool, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.pane = pane
        self.fields["confirm_target"].label = f"Type {pane.target.slug} to confirm"
        self.fields["second_factor"].required = needs_code
        self.fields["source_addresses"].required = needs_address
        self.has_clusters = bool(clusters)
        ticked = list(self["role"].value() or ())
        boxes = [
            Box(
                f"id_role_{number}",
                one.name,
                one.name,
                f"Reaches {one.reach}.",
                one.level.value,
                _TONES.get(one.level.value, "bad"),
                "",
                one.name in ticked,
            )
            for number, one in enumerate(pane.roles)
        ]
        self.rest = [box for box in boxes if box.value.rpartition("@")[2] in SERVER_DATABASES]
        self.boxes = [box for box in boxes if box not in self.rest]
        self.rest_is_ticked = any(box.is_ticked for box in self.rest)
        self.chips = _chips(pane, str(self["duration"].value() or ""))
        self.cluster_boxes: Sequence[Choice] = cluster_choices(clusters, self["clusters"].value() or ())

    def asked(self) -> Asked:
        values = self.cleaned_data
        return Asked(
            target=self.pane.target.slug,
            kind=AccessKind.DATABASE_USER.value,
            roles=tuple(values["role"]),
            duration=values["duration"],
            reason=values["reason"],
            clusters=tuple(values["clusters"]),
            source_addresses=values["source_addresses"],
        )

    def blame(self, error: Invalid) -> None:
        """Each sentence beside the field that it is about."""
        for name, said in error.errors.items():
            beside = "role" if name == "roles" else name
            for sentence in said:
                self.add_error(beside if beside in self.fields else None, sentence)

    def refuse(self, verdict: Verdict) -> None:
        for refusal in verdict.refusals:
            beside = {"roles": "role"}.get(refusal.about, refusal.about)
            if beside in self.fields:
                self.add_error(beside, refusal.sentence)
            else:
                self.add_error(None, f"{refusal.sentence} Nothing was given.")


class ReviewForm(forms.Form):
    """What somebody else found."""

    finding = forms.ChoiceField(
        label="What was it?",
        choices=[
            (Finding.REAL.value, "A real emergency: what was done fits the reason"),
            (Finding.DRILL.value, "A drill: nothing was wrong, and it worked"),
            (Finding.MISUSE.value, "Misuse: it should not have been done, or not like this"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it was."},
    )
    note = forms.CharField(
        label="What was done, and how you know it",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "input", "rows": 4}),
        help_text="Look at the evidence on this page, and talk to the person. What should become a normal request?",
        error_messages={"required": "Say what was done and how you know it."},
    )


def usual_length(pane: Pane) -> str:
    return format_duration(pane.verdict.terms.default if pane.verdict.terms else USUAL)


def _chips(pane: Pane, chosen: str) -> list[Chip]:
    """What the policy allows here, and nothing that it does not."""
    maximum: timedelta = pane.verdict.terms.maximum if pane.verdict.terms else USUAL
    lengths = {
        *(one for one in LENGTHS if parse_duration(one) <= maximum),
        format_duration(maximum),
        usual_length(pane),
    }
    ordered = sorted(lengths, key=parse_duration)
    return [
        Chip(f"id_duration_{number}", value, spell_duration(parse_duration(value)), value == chosen, is_too_long=False)
        for number, value in enumerate(ordered)
    ]
