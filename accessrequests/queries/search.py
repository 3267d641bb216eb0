"""Looking for anything that one may see: each kind is searched only within what the person sees anyway."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import connection, transaction
from django.db.models import F, Func, Q, QuerySet, TextField
from django.db.models.functions import Cast

from accessrequests.domain import policy
from accessrequests.domain.rules import Rule
from accessrequests.models import AccessRequest, Grant, Person, PolicyVersion, Target
from accessrequests.queries import access_requests, grants, people

LONGEST = 200
MOST_WORDS = 8
A_PAGE = 25
MOST_OTHERS = 10
MOST_NAMES = 50
MOST_SAYING = 500
MOST_RECENT = 300
MOST_OF_ONE = 300
SHORTEST_USERNAME = 3

_NUMBER = re.compile(r"(?:req-?|#)?\s*([0-9]{1,18})", re.IGNORECASE)
_SETTINGS = "SELECT set_config('enable_seqscan', %s, true), set_config('gin_fuzzy_search_limit', %s, true)"
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, a bounded number of each kind. `next_before` leads to older requests."""

    words: Sequence[str]
    requests: Sequence[AccessRequest]
    next_before: int | None
    grants: Sequence[Grant]
    targets: Sequence[Target]
    people: Sequence[Person]
    rules: Sequence[Rule]

    @property
    def is_empty(self) -> bool:
        return not (self.requests or self.grants or self.targets or self.people or self.rules)


class _Said(Func):
    """The words of a request; the migration has an index of just this expression."""

    template = "to_tsvector('simple'::regconfig, translate(%(expressions)s, '@._-/:\"[],', '          '))"
    arg_joiner = " || ' ' || "
    output_field = SearchVectorField()


def find(person: Person, *, text: str, before: int | None = None) -> Found:
    """Everything that the text is found in, of what the person may see; of older requests from below `before` on."""
    text = " ".join(text.replace("\0", " ").split())[:LONGEST]
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:MOST_WORDS]
    if not words:
        return Found((), (), None, (), (), (), ())
    named = _NUMBER.fullmatch(text)
    number = int(named[1]) if named else None
    sees_all = people.may_audit(person)
    folk, targets = _people(text), list(_targets(text))
    requests, older = _requests(person, words, matches=_matches(number, folk, targets), before=before)
    if before is not None:
        return Found(words, requests, older, (), (), (), ())
    return Found(
        words=words,
        requests=requests,
        next_before=older,
        grants=_grants(person, text, number),
        targets=targets[:MOST_OTHERS],
        people=(folk if sees_all else _known_to(person, folk))[:MOST_OTHERS],
        rules=_rules(text),
    )


def _requests(
    person: Person, words: Sequence[str], *, matches: Sequence[Q], before: int | None
) -> tuple[list[AccessRequest], int | None]:
    """A bounded number that match, and then those of them that the person may see: joined, the two have no index.

    The second question is asked even when nothing matches, so that what is not ones own costs what nothing costs.
    """
    ways = access_requests.ways_to_see(person)
    earlier = Q(pk__lt=before) if before is not None else Q()
    near = set(_said_in(words, ways, earlier))
    everything = AccessRequest.objects.filter(earlier).order_by("-pk")
    named = [everything.filter(match).values_list("pk", flat=True)[:MOST_OF_ONE] for match in matches]
    if named:
        near.update(named[0].union(*named[1:]) if named[1:] else named[0])
    found = access_requests.newest([way.filter(pk__in=near or {0}) for way in ways], before=None, most=A_PAGE + 1)
    shown = found[:A_PAGE]
    return shown, shown[-1].pk if len(found) > A_PAGE else None


def _said_in(words: Sequence[str], ways: Sequence[QuerySet[AccessRequest]], earlier: Q) -> list[int]:
    """Those that say every word. A word that too many say is looked for in the newest that the person may see."""
    query = SearchQuery(" & ".join(f"'{word}':*" for word in words), search_type="raw", config="simple")
    saying = AccessRequest.objects.alias(said=_said()).filter(said=query)
    with transaction.atomic(), connection.cursor() as cursor:
        # The planner takes a rare word for a common one, and would read every request instead of the index; the limit
        # ends the reading of the index soon where the word is a common one.
        cursor.execute(_SETTINGS, ["off", str(4 * MOST_SAYING)])
        everywhere = list(saying.filter(earlier).order_by().values_list("pk", flat=True)[: MOST_SAYING + 1])
        cursor.execute(_SETTINGS, ["on", "0"])
    if len(everywhere) <= MOST_SAYING:
        return everywhere
    recent: set[int] = set()
    for way in ways:
        recent.update(way.filter(earlier).order_by("-pk").values_list("pk", flat=True)[:MOST_RECENT])
    latest = sorted(recent, reverse=True)[:MOST_RECENT]
    return list(saying.filter(pk__in=latest).order_by().values_list("pk", flat=True))


def _matches(number: int | None, folk: Sequence[Person], targets: Sequence[Target]) -> list[Q]:
    """What a request is found by besides its words."""
    matches = [] if number is None else [Q(pk=number)]
    if folk:
        ids = [one.pk for one in folk]
        matches += [Q(requester__in=ids), Q(beneficiary__in=ids)]
    return [*matches, Q(target__in=[one.pk for one in targets])] if targets else matches


def _said() -> _Said:
    return _Said(F("reason"), F("ticket"), Cast("roles", TextField()))


def _grants(person: Person, text: str, number: int | None) -> list[Grant]:
    """By their number, or by the name of their user as a log of the database has it."""
    match = Q(pk=number) if number is not None else Q(pk__in=[])
    if len(text) >= SHORTEST_USERNAME:
        match |= Q(username__startswith=text)
    # The few that match are looked at first, and then whether one may see them.
    near = list(Grant.objects.filter(match).order_by("-pk").values_list("pk", flat=True)[: MOST_NAMES * 10])
    if not near:
        return []
    return list(grants.visible_to(person).filter(pk__in=near).order_by("-pk")[:MOST_OTHERS])


def _targets(text: str) -> QuerySet[Target]:
    match = Q(slug__icontains=text) | Q(name__icontains=text) | Q(owner__icontains=text) | Q(environment__iexact=text)
    return Target.objects.filter(match).order_by("slug")[:MOST_NAMES]


def _people(text: str) -> list[Person]:
    match = Q(username__icontains=text) | Q(name__icontains=text)
    return list(Person.objects.filter(match).order_by("username")[:MOST_NAMES])


def _known_to(person: Person, folk: Sequence[Person]) -> list[Person]:
    """Oneself, and those for whom or by whom one's own requests were made."""
    ids = {one.pk for one in folk}
    own = AccessRequest.objects.filter(
        Q(requester=person, beneficiary__in=ids) | Q(beneficiary=person, requester__in=ids)
    )
    pairs = own.order_by().values_list("requester_id", "beneficiary_id").distinct()
    known = {pk for pair in pairs for pk in pair} | {person.pk}
    return [one for one in folk if one.pk in known]


def _rules(text: str) -> list[Rule]:
    """Rules of the current policy that have the text in their name, their groups or what they are about."""
    version = PolicyVersion.objects.order_by("-version").first()
    if version is None:
        return []
    wanted = text.lower()
    return [rule for rule in policy.parse(version.rules).rules if wanted in _words_of(rule)][:MOST_OTHERS]


def _words_of(rule: Rule) -> str:
    match = rule.match
    groups = [*rule.eligible, *(step.group for step in rule.approvals)]
    return " ".join([rule.name, *groups, *match.environments, *match.targets]).lower()
