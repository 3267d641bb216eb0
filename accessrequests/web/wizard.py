"""What do you need to do? One question a page, each answer a link, until the ask form is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.domain import wizard
from accessrequests.domain.wizard import Choice, Proposal, Step
from accessrequests.domain.wizard_answers import DATABASE_USER, Given
from accessrequests.queries import people
from accessrequests.queries import wizard as on_offer
from accessrequests.web.ask_scope import observed_address
from accessrequests.web.pages import me, portal_page, show
from accessrequests.web.whoami import belonging

MOST_SHOWN = 25
LONGEST = 1_100
TONES = {"read": "ok", "write": "warn"}

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice, and where it leads."""

    choice: Choice
    address: str
    tone: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered, and where to answer it in another way."""

    given: Given
    address: str


@portal_page("GET")
def wizard_page(request: HttpRequest) -> HttpResponse:
    answers = {key: request.GET.get(key, "")[:LONGEST] for key in wizard.KEYS}
    found = on_offer.next_step(me(request), answers, groups=frozenset(belonging(request).since))
    if isinstance(found, Proposal):
        return redirect(_form(found, observed_address(request)))
    return _ask(request, found)


def _ask(request: HttpRequest, step: Step) -> HttpResponse:
    words = request.GET.get("q", "")[:LONGEST].lower().split()
    matching = [
        one for one in step.choices if all(word in f"{one.value} {one.title} {one.hint}".lower() for word in words)
    ]
    so_far = {one.key: one.value for one in step.given if one.was_chosen}
    context = {
        "step": step,
        "answers": [
            Answer(one, _page({**so_far, step.key: one.value}), TONES.get(one.level or "", "bad"))
            for one in matching[:MOST_SHOWN]
        ],
        "more": len(matching) - MOST_SHOWN,
        "is_long": len(step.choices) > MOST_SHOWN,
        "words": " ".join(words),
        "so_far": so_far.items(),
        "answered": _answered(step.given),
        "target": next((one.value for one in step.given if one.key == "target"), ""),
        "administrators": list(people.administrators()[:3]),
        "again": _page(so_far),
    }
    return show(request, "wizard/wizard.html", context)


def _answered(given: Sequence[Given]) -> list[Answered]:
    """Each with the page on which it was asked: what was answered after it is asked again."""
    before: dict[str, str] = {}
    found = []
    for one in given:
        found.append(Answered(one, _page(before) if one.was_chosen else ""))
        if one.was_chosen:
            before[one.key] = one.value
    return found


def _page(answers: Answers) -> str:
    return f"{reverse('wizard')}?{urlencode(answers)}" if answers else reverse("wizard")


def _form(proposal: Proposal, observed: str) -> str:
    """The ask form filled in. Whoever gets a user of their own gets it for the address that they are seen at."""
    said = {
        "target": proposal.target,
        "kind": proposal.kind,
        "role": proposal.role,
        "database_user": proposal.database_user,
        "authentication": proposal.authentication,
        "source_addresses": observed if proposal.kind == DATABASE_USER else "",
        "clusters": proposal.clusters,
        "duration": proposal.duration,
        "told": proposal.told,
    }
    return f"{reverse('ask')}?{urlencode({name: value for name, value in said.items() if value}, doseq=True)}"
