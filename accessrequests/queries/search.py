"""Looking for anything that one may see, in the same few bounded steps whatever is looked for and whatever is found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accessrequests.domain.rules import Rule
from accessrequests.models import AccessRequest, Approval, Grant, Person, PolicyVersion, Target
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.rules import rules_of

LONGEST = 200
MOST_WORDS = 8
SHORTEST_START = 2  # too many words begin with a single letter: it is looked for as a word
A_PAGE = 25
MOST_OTHERS = 10
MOST_NAMES = 50
MOST_ANYWHERE = 2_000
MOST_ANSWERED = 1_000
WINDOW = 500
SHORTEST_USERNAME = 3
NEWER_THAN_ALL = 2**62

_NUMBER = re.compile(r"(?:req-?|#)?\s*([0-9]{1,18})", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")

_TEXT = """"reason" || ' ' || "ticket" || ' ' || ("roles")::text"""
# Word for word what the index of words is of: an index of an expression serves that expression only.
_SAYS = f"""to_tsvector('simple'::regconfig, translate({_TEXT}, '@._-/:"[],', '          '))
            @@ to_tsquery('simple', %(words)s)"""
_NAMES = "requester_id = ANY(%(folk)s) OR beneficiary_id = ANY(%(folk)s) OR target_id = ANY(%(targets)s)"
# Each part has an index. That of the answered ones has a bound: who left a group still sees the latest of what they answered.
# Of what is asked of somebody who lent their voice, what no such person gains by: with several of them, that is less
# than the lists show, and never more.
_IS_SEEN = """(%(sees_all)s OR requester_id = %(me)s
               OR beneficiary_id = ANY(ARRAY(SELECT id FROM accessrequests_person
                                              WHERE id = %(me)s OR owner_id = %(me)s))
               OR step_groups && %(groups)s::varchar[]
               OR (step_groups && %(lent)s::varchar[] AND requester_id <> ALL(%(givers)s)
                   AND beneficiary_id <> ALL(ARRAY(SELECT id FROM accessrequests_person
                                                    WHERE id = ANY(%(givers)s) OR owner_id = ANY(%(givers)s)))
                   AND NOT owners && %(giver_names)s::varchar[])
               OR id = ANY(ARRAY(SELECT access_request_id FROM accessrequests_approval
                                  WHERE person_id = %(me)s ORDER BY id DESC LIMIT %(most_answered)s)))"""
# The newest requests are looked at one by one: if a page is found there, no index is asked. What says the words and what
# is named are planned for all that they would find, each from the indexes, and run only for as much as is taken of them.
# That has no order, so if there is more, what was found among the newest is shown.
_FOUND = f"""
WITH newest AS MATERIALIZED (
    SELECT id, requester_id, beneficiary_id, owners, target_id, step_groups, {_TEXT} AS said
      FROM accessrequests_accessrequest WHERE id < %(before)s ORDER BY id DESC LIMIT %(window)s
), near AS MATERIALIZED (
    SELECT id FROM newest WHERE (said ~* ALL(%(starts)s) OR {_NAMES} OR id = %(number)s) AND {_IS_SEEN}
     ORDER BY id DESC LIMIT %(most_shown)s
), saying AS MATERIALIZED (
    SELECT id FROM accessrequests_accessrequest
     WHERE (SELECT count(*) FROM near) < %(most_shown)s AND {_SAYS} AND {_IS_SEEN} AND id < %(before)s
), named AS MATERIALIZED (
    SELECT id FROM accessrequests_accessrequest
     WHERE (SELECT count(*) FROM near) < %(most_shown)s
       AND ({_NAMES} OR id = %(number)s) AND {_IS_SEEN} AND id < %(before)s
)
(SELECT 'anywhere', id FROM saying LIMIT %(most_anywhere)s)
UNION
(SELECT 'anywhere', id FROM named LIMIT %(most_anywhere)s)
UNION ALL
(SELECT 'near', id FROM near)
UNION ALL
(SELECT 'end', min(id) FROM newest HAVING count(*) = %(window)s)
"""  # noqa: S608  # nosec B608: constants of this file


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, a bounded number of each kind. `next_before` leads to older requests.

    Where too many requests match, only as many of the newest were looked at as `only_newest` says.
    """

    words: Sequence[str] = ()
    requests: Sequence[AccessRequest] = ()
    next_before: int | None = None
    only_newest: int = 0
    grants: Sequence[Grant] = ()
    targets: Sequence[Target] = ()
    people: Sequence[Person] = ()
    rules: Sequence[Rule] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.requests or self.grants or self.targets or self.people or self.rules)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for, read out of what was typed."""

    text: str
    words: Sequence[str]
    number: int
    folk: Sequence[Person]
    targets: Sequence[Target]

    @property
    def beginnings(self) -> list[tuple[str, bool]]:
        """Each word, and whether it may be the beginning of one: the last may, which somebody may still be typing.

        To find all that begins with a word that stands in every request is to read the index of all requests.
        """
        *whole, last = self.words
        return [*((word, False) for word in whole), (last, len(last) >= SHORTEST_START or last.isdecimal())]


def find(belonging: Belonging, *, text: str, before: int | None = None) -> Found:
    """Everything that the text is found in, of what the person may see; of older requests from below `before` on."""
    text = " ".join(text.replace("\0", " ").split())[:LONGEST]
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:MOST_WORDS]
    if not words:
        return Found()
    named = _NUMBER.fullmatch(text)
    wanted = _Wanted(text, words, int(named[1]) if named else 0, _people(text), list(_targets(text)))
    numbers, older, only_newest = _numbers(belonging, wanted, before=before)
    requests = list(
        AccessRequest.objects.select_related("requester", "beneficiary", "target")
        .defer("privileges", "verdict")
        .filter(pk__in=numbers)
        .order_by("-pk")
    )
    if before is not None:
        return Found(words, requests, older, only_newest)
    return Found(
        words,
        requests,
        older,
        only_newest,
        grants=_grants(belonging, wanted),
        targets=wanted.targets[:MOST_OTHERS],
        people=_known(belonging, wanted.folk)[:MOST_OTHERS],
        rules=_rules(text),
    )


def _numbers(belonging: Belonging, wanted: _Wanted, *, before: int | None) -> tuple[list[int], int | None, int]:
    """A page of them, newest first; from where on there may be older ones; and how many were looked at, if not all.

    One question, the same for everybody, which counts nothing but what the person may see: what is found, and what is
    said of it, tells nothing of the rest.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FOUND,
            {
                "me": belonging.person.pk,
                "sees_all": belonging.sees_all,
                "groups": sorted(belonging.since),
                "lent": sorted({group for one in belonging.lent for group in one.since}),
                "givers": [one.giver.pk for one in belonging.lent],
                "giver_names": [one.giver.username for one in belonging.lent],
                "words": " & ".join(f"'{word}'{':*' if goes_on else ''}" for word, goes_on in wanted.beginnings),
                "starts": [_pattern(word, goes_on=goes_on) for word, goes_on in wanted.beginnings],
                "number": wanted.number,
                "folk": [one.pk for one in wanted.folk],
                "targets": [one.pk for one in wanted.targets],
                "before": before if before is not None else NEWER_THAN_ALL,
                "window": WINDOW,
                "most_answered": MOST_ANSWERED,
                "most_anywhere": MOST_ANYWHERE + 1,
                "most_shown": A_PAGE + 1,
            },
        )
        rows: list[tuple[str, int]] = cursor.fetchall()
    found = {part: sorted((pk for of, pk in rows if of == part), reverse=True) for part in ("anywhere", "near", "end")}
    if len(found["near"]) > A_PAGE:
        numbers, end, looked_at = found["near"], None, 0
    elif len(found["anywhere"]) <= MOST_ANYWHERE:
        numbers, end, looked_at = found["anywhere"], None, 0
    else:
        numbers, end = found["near"], next(iter(found["end"]), None)
        looked_at = WINDOW if end is not None else 0
    shown = numbers[:A_PAGE]
    return shown, shown[-1] if len(numbers) > A_PAGE else end, looked_at


def _pattern(word: str, *, goes_on: bool) -> str:
    """Where the word stands, or a longer one that begins with it. It has letters and digits only."""
    return f"(^|[^[:alnum:]]){word}" if goes_on else f"(^|[^[:alnum:]]){word}($|[^[:alnum:]])"


def _grants(belonging: Belonging, wanted: _Wanted) -> list[Grant]:
    """By their number, or by the name of their user as a log of the database has it."""
    match = Q(pk=wanted.number)
    if len(wanted.text) >= SHORTEST_USERNAME:
        match |= Q(username__startswith=wanted.text)
    # The few that match are looked at first, and then whether one may see them.
    near = Grant.objects.filter(match).order_by("-pk").values("pk")[: MOST_NAMES * 10]
    found = Grant.objects.select_related("target", "holder", "access_request").filter(pk__in=near).order_by("-pk")
    return list((found if belonging.sees_all else found.filter(_is_seen(belonging)))[:MOST_OTHERS])


def _is_seen(belonging: Belonging) -> Q:
    me = belonging.person
    answered = Approval.objects.filter(access_request=OuterRef("access_request"), person=me)
    mine = Person.objects.filter(Q(pk=me.pk) | Q(owner=me)).values("pk")
    own = Q(holder__in=mine) | Q(access_request__requester=me) | Q(access_request__beneficiary__in=mine)
    return own | belonging.asked_about("access_request__") | Q(Exists(answered))


def _targets(text: str) -> QuerySet[Target]:
    match = Q(slug__icontains=text) | Q(name__icontains=text) | Q(owner__icontains=text) | Q(environment__iexact=text)
    return Target.objects.filter(match).order_by("slug")[:MOST_NAMES]


def _people(text: str) -> list[Person]:
    match = Q(username__icontains=text) | Q(name__icontains=text)
    return list(Person.objects.filter(match).order_by("username")[:MOST_NAMES])


def _known(belonging: Belonging, folk: Sequence[Person]) -> list[Person]:
    """Everybody for those who see all; for others themselves, and those for whom or by whom requests of theirs were made."""
    if belonging.sees_all:
        return list(folk)
    # Nobody has the number 0: the question is asked, too, where nobody matches, so that both cost the same.
    me, ids = belonging.person, [one.pk for one in folk] or [0]
    either = Q(requester=me, beneficiary__in=ids) | Q(beneficiary=me, requester__in=ids)
    # Most people ask for themselves, which tells of nobody else; an index has the others only.
    found = AccessRequest.objects.filter(either).exclude(requester=F("beneficiary")).order_by()
    pairs = found.values_list("requester_id", "beneficiary_id").distinct()
    known = {pk for pair in pairs for pk in pair} | {me.pk}
    return [one for one in folk if one.pk in known or me.stands_for(one)]


def _rules(text: str) -> list[Rule]:
    """Rules of the current policy that have the text in their name, their groups or what they are about."""
    version = PolicyVersion.objects.order_by("-version").first()
    if version is None:
        return []
    wanted = text.lower()
    return [rule for rule in rules_of(version).rules if wanted in _words_of(rule)][:MOST_OTHERS]


def _words_of(rule: Rule) -> str:
    match = rule.match
    groups = [*rule.eligible, *(step.group for step in rule.approvals)]
    return " ".join([rule.name, *groups, *match.environments, *match.targets]).lower()
