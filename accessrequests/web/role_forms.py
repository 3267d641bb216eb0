"""A change of a custom role as people type it, and what they say to one."""

from __future__ import annotations

from typing import Any

from django import forms

from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.models import CustomRoleChange
from accessrequests.queries.comments import LONGEST
from accessrequests.queries.custom_roles import Proposed
from accessrequests.web.fields import text_line
from accessrequests.web.forms import LONGEST_TEXT, Blamed

_LINES = {"class": "input mono", "rows": 6, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}


class Lines(forms.CharField):
    """A list, one in a line."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return tuple(dict.fromkeys(line.strip() for line in (text or "").splitlines() if line.strip()))


class RoleForm(Blamed):
    """What shall become of a role. Its name can be chosen only for a new one. `once` tells a double click from two changes."""

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=[(kind.value, kind.value) for kind in ChangeKind], widget=forms.HiddenInput)
    role = forms.CharField(
        label="Name",
        max_length=128,
        widget=text_line(spellcheck="false", autocapitalize="none"),
        help_text="Letters, digits, dashes and underscores, like reporting-reader.",
        error_messages={"required": "Give it a name."},
    )
    privileges = Lines(
        label="What it allows",
        required=False,
        widget=forms.Textarea(attrs=_LINES),
        help_text="One place in a line: find,insert@shop.orders for one collection, find@shop for a database, find@* for "
        "every database, serverStatus@$cluster for the cluster itself.",
    )
    inherits = Lines(
        label="Roles that it has in it",
        required=False,
        widget=forms.Textarea(attrs={**_LINES, "rows": 3}),
        help_text="One in a line: read@shop, or another custom role, like other@admin.",
    )
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "input", "rows": 2}),
        help_text="Those who decide read this, and it stays on record. No secrets.",
        error_messages={"required": "Say why."},
    )

    def __init__(self, *args: Any, slug: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.slug = slug
        self.verb = str(self["kind"].value() or "")
        if self.verb != ChangeKind.CREATE:
            self.fields["role"].widget = forms.HiddenInput()
        if self.verb == ChangeKind.DELETE:
            self.fields["privileges"].widget = forms.HiddenInput()
            self.fields["inherits"].widget = forms.HiddenInput()

    def proposed(self, *, reason: str = "") -> Proposed | None:
        """What can be judged of it; `reason` stands in while none is written."""
        values = self.cleaned_data
        if {"kind", "role"} & set(self.errors):
            return None
        goes = values["kind"] == ChangeKind.DELETE
        return Proposed(
            target=self.slug,
            kind=ChangeKind(values["kind"]),
            role=values["role"],
            reason=values.get("reason") or reason,
            privileges=() if goes else values.get("privileges", ()),
            inherits=() if goes else values.get("inherits", ()),
        )


class ApproveRoleForm(Blamed):
    """One yes."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    comment = forms.CharField(label="Comment", required=False, max_length=LONGEST, widget=text_line())

    def __init__(self, *args: Any, change: CustomRoleChange, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"revision": change.revision}, **options, "auto_id": "approve_%s"})


class DenyRoleForm(Blamed):
    """One no, with its reason."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(
        label="Why not",
        max_length=LONGEST,
        widget=text_line(),
        help_text="Whoever proposed it reads this.",
        error_messages={"required": "Say why."},
    )

    def __init__(self, *args: Any, change: CustomRoleChange, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"revision": change.revision}, **options, "auto_id": "deny_%s"})
