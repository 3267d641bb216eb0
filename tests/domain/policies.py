"""Policies and asks of every shape, and what one verdict gives that another does not."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from accessrequests.domain.answering import Answering, Escalation
from accessrequests.domain.break_glass_terms import BreakGlass, Cooldown, Terms
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.kinds import ACCESS_KINDS, METHODS
from accessrequests.domain.matching import Ask, Match
from accessrequests.domain.networks import IPV4, IPV6, Network, read_network
from accessrequests.domain.on_call import OnCall
from accessrequests.domain.policy import Rule, Step, Verdict
from accessrequests.domain.privileges import Level
from accessrequests.domain.tickets import Ticket

ROLES = ("read@shop", "readWrite@shop", "read@other")
WORDS = st.frozensets(st.sampled_from("ab"), max_size=2)
GROUPS = st.frozensets(st.sampled_from("efg"))
HOURS = st.integers(min_value=1, max_value=9).map(lambda hours: timedelta(hours=hours))
STEPS = st.lists(
    st.builds(Step, st.sampled_from("xyz"), st.integers(min_value=1, max_value=3), st.integers(0, 2)), max_size=2
)


def _network(text: str) -> Network:
    network = read_network(text)
    assert network is not None
    return network


PREFIXES_4 = st.none() | st.integers(min_value=1, max_value=32)
PREFIXES_6 = st.none() | st.integers(min_value=1, max_value=128)
CONDITIONS = st.builds(
    Conditions, st.frozensets(st.sampled_from(METHODS), min_size=1), st.booleans(), PREFIXES_4, PREFIXES_6
)
NETWORKS = st.sampled_from(["192.0.2.7", "192.0.2.0/24", "10.0.0.0/8", "2001:db8::7", "2001:db8::/32"]).map(_network)
ANSWERING = st.builds(
    Answering,
    in_sequence=st.booleans(),
    step_up=st.booleans(),
    remind_after=HOURS,
    escalate=st.none() | st.builds(Escalation, after=HOURS, to=st.sampled_from("uv")),
    fallback=st.sampled_from(["", "u", "v"]),
)
TERMS = st.builds(
    Terms,
    tells=GROUPS,
    review_by=GROUPS,
    roles=st.none() | st.frozensets(st.sampled_from(ROLES)),
    maximum=HOURS,
    default=st.just(timedelta(hours=1)),
    review_within=HOURS,
    cooldown=st.builds(Cooldown, st.integers(1, 3), HOURS, st.integers(1, 3), HOURS),
)
MATCHES = st.builds(
    Match,
    environments=WORDS,
    targets=WORDS,
    levels=st.frozensets(st.sampled_from(Level), max_size=2),
    kinds=st.frozensets(st.sampled_from(ACCESS_KINDS[:2]), max_size=1),
    databases=st.frozensets(st.sampled_from(["shop", "other"]), max_size=1),
)
RULES = st.builds(
    Rule,
    name=st.text(alphabet="pqrst", min_size=1, max_size=3),
    match=MATCHES,
    eligible=st.frozensets(st.sampled_from("efg"), min_size=1),
    approvals=STEPS.map(tuple),
    maximum=HOURS,
    reason_minimum=st.integers(min_value=0, max_value=20),
    lapses_after=HOURS,
    deny=st.booleans(),
    conditions=CONDITIONS,
    default=st.none() | HOURS,
    total_maximum=st.none() | HOURS.map(lambda more: more + timedelta(hours=9)),
    ticket=st.none() | st.sampled_from([Ticket("OPS-[0-9]+", "an incident"), Ticket("[A-Z]+-[0-9]+")]),
    answering=ANSWERING,
    on_call=st.none() | st.builds(OnCall, st.sampled_from("mn"), st.frozensets(st.sampled_from(ROLES)), HOURS),
    break_glass=st.none() | st.builds(BreakGlass, GROUPS, TERMS),
)
ASKS = st.builds(
    Ask,
    target=st.sampled_from("ab"),
    environment=st.sampled_from("ab"),
    level=st.sampled_from(Level),
    groups=GROUPS,
    duration=HOURS,
    reason_length=st.none() | st.integers(min_value=0, max_value=25),
    authentication=st.none() | st.sampled_from(METHODS),
    is_unscoped=st.booleans(),
    networks=st.none() | st.lists(NETWORKS, max_size=2).map(tuple),
    kind=st.sampled_from(ACCESS_KINDS[:2]),
    databases=st.frozensets(st.sampled_from(["", "shop", "other"]), max_size=2),
    roles=st.frozensets(st.sampled_from(ROLES), max_size=2),
    ticket=st.none() | st.sampled_from(["", "OPS-1", "DEV-1"]),
    on_call=st.frozensets(st.sampled_from("mn")),
)
VERSIONS = st.integers(min_value=1, max_value=3)
POLICIES = st.lists(RULES, max_size=4)


def loosens(before: Verdict, after: Verdict) -> list[str]:
    """What the second verdict gives and the first does not."""
    steps = {step.group: step for step in after.steps}
    return [
        what
        for what, looser in {
            "allowed": after.allowed and not before.allowed,
            "automatic": after.automatic and not before.automatic,
            "level": after.level < before.level,
            "steps": any(step.group not in steps or steps[step.group].needed < step.needed for step in before.steps),
            "turns": any(step.group in steps and steps[step.group].turn < step.turn for step in before.steps),
            "maximum": is_longer(after.maximum, before.maximum),
            "default": is_longer(after.default, before.default),
            "total_maximum": is_longer(after.total_maximum, before.total_maximum),
            "reason_minimum": after.reason_minimum < before.reason_minimum,
            "tickets": not set(before.tickets) <= set(after.tickets),
            "lapses_after": after.lapses_after > before.lapses_after,
            "in_sequence": before.answering.in_sequence and not after.answering.in_sequence,
            "step_up": before.answering.step_up and not after.answering.step_up,
            "remind_after": before.rules and after.answering.remind_after > before.answering.remind_after,
            "escalate": before.steps and _escalates_sooner(before.answering.escalate, after.answering.escalate),
            "fallback": before.steps and after.answering.fallback not in {"", before.answering.fallback},
            "on_call": before.steps and after.on_call,
            "rules": not set(before.rules) <= set(after.rules),
            "refusals": not set(before.refusals) <= set(after.refusals),
        }.items()
        if looser
    ] + loosened_uses(before.conditions, after.conditions)


def loosened_uses(before: Conditions, after: Conditions) -> list[str]:
    return [
        what
        for what, looser in {
            "authentication": not after.authentication <= before.authentication,
            "unscoped": after.unscoped and not before.unscoped,
            "widest_ipv4": after.widest[IPV4] < before.widest[IPV4],
            "widest_ipv6": after.widest[IPV6] < before.widest[IPV6],
            "wants_addresses": before.wants_addresses and not after.wants_addresses,
        }.items()
        if looser
    ]


def is_longer(length: timedelta | None, before: timedelta | None) -> bool:
    return before is not None and (length is None or length > before)


def _escalates_sooner(before: Escalation | None, after: Escalation | None) -> bool:
    if after is None:
        return False
    return before is None or after.to != before.to or after.after < before.after
