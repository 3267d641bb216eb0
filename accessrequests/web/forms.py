"""What people type, turned into plain values of the right types. What it comes to is judged elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from accessrequests.domain.window import parse_duration, spell_duration
from accessrequests.models import Inventory, Target
from accessrequests.queries.asks import Asked, Invalid
from accessrequests.queries.offers import collections_on_offer, roles_on_offer
from accessrequests.web.fields import AnyOf, Length, Moment, Words, text_line

LENGTHS = ("PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT24H")
LONGEST_TEXT = 2_000

Choices = list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class RoleBox:
    """One role to tick."""

    id: str
    name: str
    level: str
    is_ticked: bool

    @property
    def tone(self) -> str:
        return {"read": "ok", "write": "warn"}.get(self.level, "bad")


class AskForm(forms.Form):
    """An ask. `target` shows its roles to tick once it is chosen; roles can always be typed.

    `once` tells a form that is sent twice, by a double click, from two asks for the same.
    """

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    target = forms.ChoiceField(
        label="Database server",
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={
            "required": "Choose a database server.",
            "invalid_choice": "There is no database server called %(value)s. Choose one of the list.",
        },
    )
    role = AnyOf(label="What you want to do", required=False, widget=forms.CheckboxSelectMultiple)
    collection = forms.CharField(label="Collection", required=False, widget=forms.Select(attrs={"class": "input"}))
    roles = Words(
        label="Roles by name",
        required=False,
        widget=text_line(spellcheck="false", autocapitalize="none"),
        help_text="Like read@shop, or read@shop.orders for one collection. Several with a space between them.",
    )
    duration = Length(label="For how long", required=False, widget=forms.RadioSelect)
    other_duration = Length(
        label="Another length",
        required=False,
        widget=text_line(spellcheck="false", size=12),
        help_text="ISO 8601, like PT45M or P1DT12H. It counts in place of the choice above.",
    )
    reason = forms.CharField(
        label="Why you need it",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        help_text="Whoever decides reads this, and it stays on record. No secrets.",
        error_messages={"required": "Say why you need it."},
    )
    ticket = forms.CharField(label="Ticket", required=False, max_length=200, widget=text_line())
    source_addresses = Words(
        label="Only from these addresses",
        required=False,
        widget=text_line(spellcheck="false"),
        help_text="Addresses or CIDR blocks, like 192.0.2.7 or 192.0.2.0/24. Empty: from anywhere.",
    )
    starts_at = Moment(
        label="Not before (UTC)",
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "type": "datetime-local"}),
        help_text="Empty: as soon as it is approved. At most 30 days ahead.",
    )

    def __init__(self, *args: Any, targets: list[Target], inventory: Inventory | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["target"].choices = _target_choices(targets)  # type: ignore[attr-defined]
        lengths = [(length, spell_duration(parse_duration(length))) for length in LENGTHS]
        self.fields["duration"].widget.choices = lengths
        ticked = self["role"].value() or []
        self.boxes = _role_boxes(inventory, ticked=ticked)
        places = collections_on_offer(inventory) if inventory else []
        chosen = [("", "Everything that the role reaches"), *((place, place) for place in places)]
        self.fields["collection"].widget.choices = chosen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        length = cleaned.get("other_duration") or cleaned.get("duration")
        if length is None and not {"duration", "other_duration"} & set(self.errors):
            self.add_error("duration", "Choose for how long you need it.")
        cleaned["length"] = length
        cleaned["all_roles"] = (*self._ticked(cleaned), *cleaned.get("roles", ()))
        if not cleaned["all_roles"] and "role" not in self.errors:
            self.add_error("role", "Tick or type at least one role.")
        return cleaned

    def _ticked(self, cleaned: dict[str, Any]) -> tuple[str, ...]:
        """The ticked roles, narrowed to the chosen collection where that is in their database."""
        place = cleaned.get("collection", "")
        database = place.partition(".")[0]
        roles = tuple(cleaned.get("role", ()))
        if not place or not roles:
            return roles
        elsewhere = [role for role in roles if role.rpartition("@")[2] != database]
        if elsewhere:
            self.add_error("collection", f"{place} is not in the database of {', '.join(elsewhere)}.")
        return tuple(f"{role}.{place.partition('.')[2]}" for role in roles if role not in elsewhere)

    def asked(self, *, target: Target) -> Asked:
        """Kind and authentication are the first that the target offers: there is nothing else to choose yet."""
        values = self.cleaned_data
        return Asked(
            target=target.slug,
            kind=next(iter(target.offers.get("kinds", [])), ""),
            authentication=next(iter(target.offers.get("authentication", [])), ""),
            roles=values["all_roles"],
            duration=values["length"],
            reason=values["reason"],
            ticket=values["ticket"],
            source_addresses=values["source_addresses"],
            starts_at=values["starts_at"],
        )

    def blame(self, error: Invalid) -> None:
        """Put each sentence beside the field that it is about."""
        beside = {"roles": "role", "target": "target"}
        for name, sentences in error.errors.items():
            field = beside.get(name, name)
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)


def _target_choices(targets: list[Target]) -> Choices:
    environments = dict.fromkeys(target.environment for target in targets)
    return [
        (one.capitalize(), [(t.slug, f"{t.name} ({t.slug})") for t in targets if t.environment == one])
        for one in environments
    ]


def _role_boxes(inventory: Inventory | None, *, ticked: Sequence[str]) -> list[tuple[str, list[RoleBox]]]:
    """The boxes to tick, one group for each reach."""
    offered = roles_on_offer(inventory) if inventory else []
    groups: dict[str, list[RoleBox]] = {}
    for number, role in enumerate(offered):
        box = RoleBox(f"id_role_{number}", role.name, role.level.value, role.name in ticked)
        groups.setdefault(f"Reaches {role.reach}", []).append(box)
    return list(groups.items())


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
