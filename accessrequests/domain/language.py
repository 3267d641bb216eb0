"""The keys of a policy's document: one table for the reader, for editors (JSON Schema) and for the documentation."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from accessrequests.domain import break_glass_terms, conditions, forms, tickets
from accessrequests.domain.answering import REMIND_AFTER
from accessrequests.domain.kinds import ACCESS_KINDS
from accessrequests.domain.privileges import Level
from accessrequests.domain.tables import Form, Key, Table

LONGEST_REASON = 2_000
MOST_PEOPLE = 20
DEFAULT_LAPSE = timedelta(hours=8)
LEVELS = (Level.READ.value, Level.WRITE.value, Level.ADMIN.value)

MATCH: Table = {
    "environments": Key(forms.words("environments"), "Environments of targets. Empty: any.", frozenset()),
    "targets": Key(forms.words("targets"), "Slugs of targets. Empty: any.", frozenset()),
    "kinds": Key(
        forms.some_of(ACCESS_KINDS, f"a list of {', '.join(ACCESS_KINDS)}"),
        "What is granted for a while. Empty: any.",
        frozenset(),
    ),
    "databases": Key(forms.words("databases"), "Any asked role touches one of them. Empty: any.", frozenset()),
    "levels": Key(
        forms.some_of(LEVELS, "a list of read, write and admin"),
        "How much trust the roles need. Empty: any.",
        frozenset(),
    ),
}
STEP: Table = {
    "group": Key(forms.GROUP, "The group that approves.", "", needed=True),
    "people": Key(forms.number(1, MOST_PEOPLE), "How many different people of it.", 1, needed=True),
}
TICKET: Table = {
    "pattern": Key(
        forms.text(
            tickets.read_pattern,
            r"a pattern of letters, digits, [A-Z], \d, +, *, ?, {2,5} and |, like OPS-[0-9]+",
            tickets.LONGEST_PATTERN,
        ),
        "What the whole ticket must match.",
        "",
        needed=True,
    ),
    "hint": Key(forms.text(tickets.read_hint, "one line of text", tickets.LONGEST_HINT), "The same for people.", ""),
}
ESCALATE: Table = {
    "after": Key(forms.LENGTH, "How long without an answer.", timedelta(hours=1), needed=True),
    "to": Key(forms.GROUP, "The group that may then answer any open step too.", "", needed=True),
}
ON_CALL: Table = {
    "schedule": Key(forms.NAME, "The name of the schedule of shifts.", "", needed=True),
    "roles": Key(
        Form(
            forms.read_some_words,
            "a list with at least one role, like read@shop",
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
        "Exactly the roles that need nobody's yes.",
        frozenset(),
        needed=True,
    ),
    "maximum": Key(forms.LENGTH, "The longest time without anybody's yes.", timedelta(hours=1), needed=True),
}
RULE: Table = {
    "name": Key(forms.NAME, "Short; every answer names the rules that counted.", "", needed=True),
    "match": Key(forms.part("keys with lists", MATCH), "Which asks the rule is about.", {}, needed=True),
    "eligible": Key(forms.SOME_GROUPS, "Who may ask: people of any of these groups.", frozenset(), needed=True),
    "approvals": Key(
        forms.parts("a list of group and people, empty for automatic access", STEP),
        "Who must say yes; all steps must be filled.",
        (),
        needed=True,
    ),
    "in_sequence": Key(forms.FLAG, "Whether the steps are asked one after another.", False),
    "maximum": Key(forms.LENGTH, "The longest time.", needed=True),
    "default": Key(forms.LENGTH, "The time that is suggested."),
    "total_maximum": Key(forms.LENGTH, "The longest time with all extensions. Left out: the maximum."),
    "reason_minimum": Key(forms.number(0, LONGEST_REASON), "How many characters the reason needs.", 1),
    "ticket": Key(
        forms.part("keys pattern and hint", TICKET), "What a ticket must look like. Left out: none is needed."
    ),
    "lapses_after": Key(forms.LENGTH, "How long a request waits for its answer.", DEFAULT_LAPSE),
    "remind_after": Key(forms.LENGTH, "When who has not answered is reminded; then it doubles.", REMIND_AFTER),
    "escalate": Key(forms.part("keys after and to", ESCALATE), "Which group may answer too, and after how long."),
    "fallback": Key(forms.GROUP, "The group that answers a step that nobody else can answer.", ""),
    "on_call": Key(forms.part("keys schedule, roles and maximum", ON_CALL), "What the person on call gets at once."),
    "step_up": Key(forms.FLAG, "Whether approving needs the portal and a fresh second factor.", False),
    "deny": Key(forms.FLAG, "Whether whatever matches is refused.", False),
    **conditions.TABLE,
    "break_glass": Key(
        forms.part("keys eligible, tells, review_by and others", break_glass_terms.TABLE),
        "Access in an emergency. Left out: none.",
    ),
}
# A rule that denies need say no more than of what.
DENIAL: Table = {
    **RULE,
    "eligible": replace(RULE["eligible"], form=forms.GROUPS, needed=False),
    "approvals": replace(RULE["approvals"], needed=False),
    "maximum": replace(RULE["maximum"], needed=False),
}
PUBLISHING: Table = {
    "approvals": Key(
        forms.parts("a list with at least one of group and people", STEP, least=1),
        "Who must agree to the next version; whoever proposes it never counts.",
        (),
        needed=True,
    ),
}
ROLE_MATCH: Table = {name: MATCH[name] for name in ("environments", "targets", "levels")}
ROLE_RULE: Table = {
    "name": RULE["name"],
    "match": Key(forms.part("keys with lists", ROLE_MATCH), "Which changes the rule is about.", {}, needed=True),
    "eligible": Key(forms.SOME_GROUPS, "Who may propose: people of any of these groups.", frozenset(), needed=True),
    "approvals": RULE["approvals"],
    "lapses_after": Key(forms.LENGTH, "How long a change waits for its answer.", DEFAULT_LAPSE),
    "deny": RULE["deny"],
}
ROLE_DENIAL: Table = {
    **ROLE_RULE,
    "eligible": DENIAL["eligible"],
    "approvals": DENIAL["approvals"],
}
POLICY: Table = {
    "name": Key(forms.NAME, "What the policy is called.", "", needed=True),
    "rules": Key(
        forms.parts("a list with at least one rule", RULE, least=1), "Every rule that matches counts.", (), needed=True
    ),
    "custom_roles": Key(
        forms.parts("a list of rules", ROLE_RULE), "Who may change custom roles. Every rule that matches counts.", ()
    ),
    "publishing": Key(forms.part("the key approvals", PUBLISHING), "Left out: one administrator publishes alone."),
}


def schema() -> dict[str, Any]:
    """The language as a JSON Schema, for editors that complete and check while one types."""
    whole = copy.deepcopy(forms.schema_of(POLICY))
    _or_a_denial(whole["properties"]["rules"]["items"], DENIAL)
    _or_a_denial(whole["properties"]["custom_roles"]["items"], ROLE_DENIAL)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Access policy", **whole}


def _or_a_denial(rule: dict[str, Any], table: Table) -> None:
    """A rule that denies may leave out what others have to say."""
    denial = forms.schema_of(table)
    rule["if"] = {"properties": {"deny": {"const": True}}, "required": ["deny"]}
    rule["then"] = {"required": denial["required"]}
    rule["else"] = {"required": rule.pop("required"), "properties": {"eligible": {"minItems": 1}}}
    rule["properties"] = denial["properties"]
