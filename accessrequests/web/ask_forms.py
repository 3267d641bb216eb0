"""An ask as people type it, turned into plain values of the right types. What it comes to is judged elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django import forms

from accessrequests.domain import external, policy, project_roles, single_actions
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.plain_text import visible_length
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import spell_duration
from accessrequests.models import Inventory, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries.asks import Asked, Invalid
from accessrequests.queries.offers import (
    ONE,
    SINGLE,
    OfferedRole,
    Outlook,
    Want,
    collections_on_offer,
    cost_of,
    roles_on_offer,
    roughly,
    wants_on_offer,
)
from accessrequests.web.ask_boxes import (
    Chip,
    action_boxes,
    chips,
    level_of_actions,
    place_boxes,
    role_boxes,
    want_boxes,
)
from accessrequests.web.ask_kinds import Kinds, kind_choices, login_choices, project_role_choices
from accessrequests.web.ask_principals import principals_hint, principals_of
from accessrequests.web.ask_scope import (
    addresses_hint,
    cluster_choices,
    clusters_of,
    fitting_methods,
    method_choices,
    needs_address,
)
from accessrequests.web.fields import AnyOf, Length, Moment, RoleWords, Words, text_line
from accessrequests.web.forms import LONGEST_TEXT
from accessrequests.web.together import others_of

_BESIDE = {"roles": "want", "role": "want"}

Choices = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What the chosen target has, read once for the whole form."""

    target: Target | None = None
    inventory: Inventory | None = None
    outlook: Outlook = field(default_factory=dict)
    roles: Sequence[OfferedRole] = ()
    collections: Sequence[str] = ()
    wants: Sequence[Want] = ()
    clusters: Mapping[str, Any] = field(default_factory=dict)
    observed: str = ""
    kinds: Kinds = field(default_factory=Kinds)


def offer_of(target: Target, inventory: Inventory | None, outlook: Outlook, *, observed: str, kinds: Kinds) -> Offer:
    if inventory is None:
        return Offer(target, observed=observed, kinds=kinds)
    roles, collections = roles_on_offer(inventory), collections_on_offer(inventory)
    wants, clusters = wants_on_offer(roles, collections), clusters_of(target, inventory)
    return Offer(target, inventory, outlook, roles, collections, wants, clusters, observed, kinds)


class AskForm(forms.Form):
    """An ask. `want` is one thing by growing reach, `role` and `roles` are more of them, ticked or typed. `single` counts
    where single actions are wanted.

    `once` tells a form that is sent twice, by a double click, from two asks for the same.
    """

    once = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    preset = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    target = forms.ChoiceField(
        label="Database server",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a database server.",
            "invalid_choice": "There is no database server called %(value)s. Choose one of the list.",
        },
    )
    kind = forms.CharField(label="What you need", required=False, max_length=16, widget=forms.RadioSelect)
    database_user = forms.CharField(label="Login", required=False, max_length=1100, widget=forms.RadioSelect)
    project_role = AnyOf(label="Project roles", required=False, widget=forms.CheckboxSelectMultiple)
    want = forms.CharField(label="What you want to do", required=False, max_length=500, widget=forms.RadioSelect)
    role = AnyOf(label="More roles", required=False, widget=forms.CheckboxSelectMultiple)
    single = AnyOf(label="Single actions", required=False, widget=forms.CheckboxSelectMultiple)
    collection = forms.CharField(label="Collection", required=False, widget=forms.Select(attrs={"class": "input"}))
    more_collections = AnyOf(label="More collections", required=False, widget=forms.CheckboxSelectMultiple)
    roles = RoleWords(
        label="Roles by name",
        required=False,
        widget=text_line(spellcheck="false", autocapitalize="none"),
        help_text="Like read@shop, or read@shop.orders for one collection, or single actions like find,insert@shop.orders. "
        "Several with a space between them.",
    )
    duration = Length(label="For how long", required=False, widget=forms.RadioSelect)
    other_duration = Length(
        label="Another length",
        required=False,
        widget=text_line(spellcheck="false", **{"data-counts-for": "duration"}),
        help_text="Like 90 min, 2 h or 1 h 30 min. It counts in place of the choice above.",
    )
    until = Moment(
        label="Until (UTC)",
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "type": "datetime-local", "data-counts-for": "duration"}),
        help_text="The time from now to then is asked for. It begins when the access is set up, so a wait moves the end.",
    )
    reason = forms.CharField(
        label="Why you need it",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        error_messages={"required": "Say why you need it."},
    )
    ticket = forms.CharField(label="Ticket", required=False, max_length=200, widget=text_line())
    grantee = forms.CharField(
        label="For whom",
        required=False,
        max_length=64,
        widget=text_line(spellcheck="false", autocapitalize="none", list="known-services"),
        help_text="Empty: for you. Else the user name of the person, or the name of the service identity, who gets it. "
        "Both of you must be allowed to ask, and neither of you decides.",
    )
    source_addresses = Words(
        label="Only from these addresses",
        error_messages={"required": "Name the address that you connect from."},
        required=False,
        widget=text_line(spellcheck="false"),
    )
    clusters = AnyOf(label="Clusters", required=False, widget=forms.CheckboxSelectMultiple)
    authentication = forms.CharField(label="How to sign in", required=False, max_length=16, widget=forms.RadioSelect)
    also = forms.MultipleChoiceField(
        label="The same on other servers too",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="One request for each, sent together. Whoever decides on several can do so with one press.",
        error_messages={"invalid_choice": "%(value)s cannot be asked for together with this server."},
    )
    principal = forms.CharField(
        label="Who signs in",
        required=False,
        max_length=external.LONGEST,
        widget=text_line(spellcheck="false", autocapitalize="none", list="known-principals"),
    )
    starts_at = Moment(
        label="Not before (UTC)",
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "type": "datetime-local"}),
        help_text="Empty: as soon as it is approved. At most 30 days ahead.",
    )

    def __init__(self, *args: Any, targets: Iterable[Target], offer: Offer, at: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self.offer, self.at = offer, at
        self.granted = offer.kinds.chosen(str(self["kind"].value() or ""))
        self.makes_a_user = self.granted == AccessKind.DATABASE_USER
        self.is_project_role = self.granted == AccessKind.PROJECT_ROLE
        self.kind_boxes = kind_choices(offer.kinds, self.granted)
        self._logins()
        known = list(targets)
        self.fields["target"].choices = [(one.slug, one.slug) for one in known]  # type: ignore[attr-defined]
        self.fields["also"].choices = others_of(known, offer.target, kind=self.granted)  # type: ignore[attr-defined]
        self.boxes = role_boxes(offer.roles, offer.outlook, self["role"].value() or ())
        actions = list(self["single"].value() or ())
        has_search = offer.target is not None and KINDS[offer.target.kind].has_search
        self.action_boxes = action_boxes(offer.outlook, actions, has_search=has_search) if offer.collections else []
        self.wants = want_boxes(self._wants(actions), offer.outlook, self.wanted)
        self.fields["collection"].widget.choices = self._places()
        self.place_boxes = place_boxes(offer.collections, self["more_collections"].value() or ())
        self.chips = self._chips()
        self._scope()
        self.reason_minimum = self.judged.reason_minimum if self.judged else 0
        least = f" At least {self.reason_minimum} characters." if self.reason_minimum else ""
        tickets = self.judged.tickets if self.judged else ()
        self.fields["ticket"].required = bool(tickets)
        self.fields["ticket"].help_text = " ".join(f"It must look like {ticket.said}." for ticket in tickets)
        self.fields["ticket"].error_messages["required"] = "Name the ticket that this is about."
        hint = next((f"{one['reason_hint']} " for one in self.presets if one["name"] == self.preset_name), "")
        help_text = f"{hint}Whoever decides reads this, and it stays on record. No secrets.{least}"
        self.fields["reason"].help_text = help_text
        self.reason_length = visible_length(str(self["reason"].value() or ""))

    def _logins(self) -> None:
        """Whose roles they would be; the only one there is goes without saying."""
        logins, typed = self.offer.kinds.logins, str(self["database_user"].value() or "")
        self.login = typed or (logins[0].name if len(logins) == 1 else "")
        is_role_grant = self.granted == AccessKind.ROLE_GRANT
        self.login_boxes = login_choices(self.offer.kinds, self.login) if is_role_grant else []
        ticked = list(self["project_role"].value() or ())
        self.project_role_boxes = project_role_choices(self.offer.kinds, ticked) if self.is_project_role else []

    def _scope(self) -> None:
        """What only some targets have: clusters, ways to sign in, a list of addresses."""
        conditions = self.judged.conditions if self.judged else None
        self.methods = fitting_methods(self.offer.target, conditions)
        self.method = str(self["authentication"].value() or "") or next(iter(self.methods), "")
        clusters = {} if self.is_project_role else self.offer.clusters
        self.cluster_boxes = cluster_choices(clusters, self["clusters"].value() or ())
        target = self.offer.target if self.makes_a_user else None
        self.method_boxes = method_choices(target, self.methods, self.method) if target else []
        self.known_principals = principals_of(self.offer.kinds.vouched, self.methods) if target else []
        self.names_principal = bool(target) and not set(external.METHODS).isdisjoint(self.methods)
        self.fields["principal"].help_text = principals_hint(self.known_principals)
        hint = addresses_hint(self.offer.target, conditions, self.offer.observed)
        self.fields["source_addresses"].help_text = hint
        self.fields["source_addresses"].required = needs_address(self.offer.target) and self.makes_a_user

    @property
    def wanted(self) -> str:
        """What is chosen; at first the smallest that is not refused, unless roles are named in another way."""
        chosen = str(self["want"].value() or "")
        if self.is_bound or chosen or self["role"].value() or self["roles"].value():
            return chosen
        possible = [one.role for one in self.offer.wants if cost_of(self.offer.outlook.get(one.level)) != cost_of(None)]
        return next(iter(possible), "")

    @property
    def judged(self) -> policy.Verdict | None:
        """What the policy says to the level of the chosen thing, or to reading."""
        if self.is_project_role:
            return self.offer.outlook.get(project_roles.level_of(self["project_role"].value() or ()))
        wants = self._wants(self["single"].value() or ())
        levels = {one.role: one.level for one in wants} | {one.name: one.level for one in self.offer.roles}
        chosen = [levels.get(name, Level.READ) for name in [self.wanted, *(self["role"].value() or [])]]
        return self.offer.outlook.get(max(chosen))

    @property
    def longest(self) -> str:
        maximum = self.judged.maximum if self.judged else None
        return spell_duration(maximum) if maximum else ""

    @property
    def presets(self) -> Sequence[Mapping[str, Any]]:
        """What is often asked for on the chosen target, as its catalogue entry says."""
        found: Sequence[Mapping[str, Any]] = self.offer.target.presets if self.offer.target else ()
        return found

    @property
    def preset_name(self) -> str:
        return str(self["preset"].value() or "")

    @property
    def may_name_another(self) -> bool:
        """Whoever may ask for nothing here may ask for nobody else either; what was typed stays to be seen."""
        typed = self["grantee"].value() or self["grantee"].errors
        return bool(typed) or any(verdict.allowed for verdict in self.offer.outlook.values())

    @property
    def sizes(self) -> str:
        """How much the chosen collection holds, and of what."""
        place, inventory = str(self["collection"].value() or ""), self.offer.inventory
        size = roughly(inventory, place) if inventory and place else ""
        holds = ", ".join(self.offer.target.data_classes) if self.offer.target else ""
        return " ".join(
            part for part in (f"{size.capitalize()}." if size else "", f"Holds {holds}." if holds else "") if part
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["length"] = self._length(cleaned)
        if self.is_project_role:
            cleaned["all_roles"] = tuple(cleaned.get("project_role", ()))
            if not cleaned["all_roles"]:
                self.add_error("project_role", "Choose a project role.")
            return cleaned
        roles = [*self._wanted_roles(cleaned), *cleaned.get("roles", ())]
        cleaned["all_roles"] = tuple(dict.fromkeys(roles))
        if not roles and not {"want", "collection", "role", "single"} & set(self.errors):
            self.add_error("want", "Choose what you want to do, or name a role.")
        return cleaned

    def _length(self, cleaned: dict[str, Any]) -> timedelta | None:
        other, until = cleaned.get("other_duration"), cleaned.get("until")
        if other and until:
            self.add_error("until", "Write a length or an end, not both.")
        if until:
            start: datetime = cleaned.get("starts_at") or self.at
            seconds = int((until - max(self.at, start)).total_seconds())
            if seconds >= 1:
                return timedelta(seconds=seconds)
            self.add_error("until", "The end is not after the start. Choose a later one.")
            return None
        length: timedelta | None = other or cleaned.get("duration")
        if length is None and not {"duration", "other_duration", "until"} & set(self.errors):
            self.add_error("duration", "Choose for how long you need it.")
        return length

    def _wanted_roles(self, cleaned: dict[str, Any]) -> list[str]:
        """The chosen role with each of its places, and the ticked ones; without a choice, ticked ones take the places."""
        want, ticked = cleaned.get("want", ""), list(cleaned.get("role", ()))
        chosen = [cleaned.get("collection", ""), *cleaned.get("more_collections", ())]
        places = list(dict.fromkeys(filter(None, chosen)))
        if want == SINGLE and not cleaned.get("single"):
            self.add_error("single", "Tick what you want to do, or choose something else above.")
            return ticked
        if (want == SINGLE or want.startswith(ONE)) and not places:
            self.add_error("collection", "Choose a collection.")
            return ticked
        if want == SINGLE or want.startswith(ONE):
            done = single_actions.written(frozenset(cleaned["single"])) if want == SINGLE else want.removeprefix(ONE)
            return [*(f"{done}@{place}" for place in places), *ticked]
        if want or not places or not ticked:
            return [want, *ticked] if want else ticked
        elsewhere = [role for role in ticked if not any(_is_beside(place, role) for place in places)]
        if elsewhere:
            self.add_error("collection", f"{' and '.join(places)} is not in the database of {', '.join(elsewhere)}.")
        return [f"{role}.{place.partition('.')[2]}" for role in ticked for place in places if _is_beside(place, role)]

    def asked(self) -> Asked | None:
        """What can be judged of it: what is wrong already is left out. Nothing without a target."""
        values, target = self.cleaned_data, self.offer.target
        if target is None or "target" in self.errors:
            return None
        return Asked(
            target=target.slug,
            kind=self.granted,
            database_user=self.login if self.granted == AccessKind.ROLE_GRANT else "",
            authentication=values.get("authentication") or self.method,
            clusters=() if self.is_project_role else tuple(values.get("clusters", ())),
            roles=values["all_roles"],
            duration=values["length"] or timedelta(seconds=1),
            reason=values.get("reason", ""),
            ticket=values.get("ticket", ""),
            grantee=values.get("grantee", ""),
            source_addresses=values.get("source_addresses", ()) if self.makes_a_user else (),
            starts_at=values.get("starts_at"),
            principal=self._principal(values) if self.makes_a_user else "",
        )

    def _principal(self, values: Mapping[str, Any]) -> str:
        """The only one that is the person's goes without saying."""
        typed: str = values.get("principal", "").strip()
        method = values.get("authentication") or self.method
        mine = [one.value for one in self.known_principals if one.method == method]
        return mine[0] if not typed and len(mine) == 1 else typed

    def blame(self, error: Invalid) -> None:
        """Put each sentence beside the field that it is about, unless something else is wrong with that already."""
        for name, sentences in error.errors.items():
            beside = "project_role" if self.is_project_role and name == "roles" else _BESIDE.get(name, name)
            known = beside in self.fields
            if known and (beside in self.errors or (beside == "want" and not self.cleaned_data["all_roles"])):
                continue
            for sentence in sentences:
                self.add_error(beside if known else None, sentence)

    def refuse(self, verdict: policy.Verdict) -> None:
        """Say what the policy refuses, beside the field that it is about where it is about one."""
        for refusal in verdict.refusals:
            if not refusal.about:
                self.add_error(None, f"{refusal.sentence} Nothing was filed.")
            elif refusal.about not in self.errors:
                self.add_error(refusal.about, refusal.sentence)

    def _wants(self, actions: Collection[str]) -> list[Want]:
        """Single actions need as much trust as those that are ticked."""
        level = level_of_actions(actions)
        return [replace(one, level=level) if one.role == SINGLE else one for one in self.offer.wants]

    def _chips(self) -> list[Chip]:
        other_counts = self["other_duration"].value() or self["until"].value()
        chosen = "" if other_counts else str(self["duration"].value() or "")
        return chips(self.judged.maximum if self.judged else None, chosen)

    def _places(self) -> Choices:
        inventory = self.offer.inventory
        if inventory is None:
            return []
        return [("", "Choose a collection"), *((place, _sized(inventory, place)) for place in self.offer.collections)]


def _is_beside(place: str, role: str) -> bool:
    return place.partition(".")[0] == role.rpartition("@")[2]


def _sized(inventory: Inventory, place: str) -> str:
    size = roughly(inventory, place)
    return f"{place} ({size})" if size else place
