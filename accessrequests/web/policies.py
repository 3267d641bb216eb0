"""Policies for people: the rules in words, what changed between versions, and a try that files nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accessrequests.domain import custom_role_rules, policy
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.language import LONGEST_REASON
from accessrequests.domain.window import LENGTHS, InvalidDuration, parse_duration, spell_duration
from accessrequests.models import Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import catalogue, clock, policies
from accessrequests.queries.asks import Asked, Invalid, NotReadYet
from accessrequests.queries.drafts import open_drafts
from accessrequests.queries.offers import roles_on_offer, targets_on_offer
from accessrequests.queries.rules import rules_of
from accessrequests.web.ask_scope import clusters_of, observed_address
from accessrequests.web.pages import me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25
MOST_DRAFTS = 10
TRIED_LENGTHS = (*LENGTHS, "P7D")
LONGEST_TYPED = 200


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody tries."""

    who: str
    target: str
    role: str
    length: str


@portal_page("GET")
def policies_page(request: HttpRequest) -> HttpResponse:
    versions = catalogue.policies().order_by("-version")
    newest = list(versions[:2])
    if not newest:
        return show(request, "policies/none.html", {"may_publish": belonging(request).administers})
    current = newest[0]
    chosen = _version(request, "version") or current
    page = Paginator(versions.defer("document", "rules"), PAGE).get_page(request.GET.get("page"))
    older = _version(request, "against") or _before(chosen, newest)
    context = {
        "current": current,
        "chosen": chosen,
        "is_current": chosen.version == current.version,
        "rules": policies.in_words(chosen),
        "role_rules": custom_role_rules.in_words(rules_of(chosen).custom_roles),
        "page": page,
        "older": older,
        "lines": policies.difference(older, chosen) if older else [],
        "drafts": list(open_drafts()[:MOST_DRAFTS]),
        "may_write": belonging(request).administers,
        "publishing": policies.publishing(current),
    }
    return show(request, "policies/policies.html", context | _tried(request, current))


def _before(chosen: PolicyVersion, newest: Sequence[PolicyVersion]) -> PolicyVersion | None:
    if chosen == newest[0]:
        return newest[1] if len(newest) > 1 else None
    return catalogue.policies().filter(version=chosen.version - 1).first()


def _version(request: HttpRequest, name: str) -> PolicyVersion | None:
    """The version that the address names; one that was never published is not there."""
    text = request.GET.get(name, "")
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < len("2147483647") else 0
    return get_object_or_404(catalogue.policies(), version=number)


def _tried(request: HttpRequest, current: PolicyVersion) -> dict[str, Any]:
    person = me(request)
    may_choose = belonging(request).administers
    targets = list(targets_on_offer().select_related("inventory"))
    typed = _typed(request, person, may_choose=may_choose)
    target = next((one for one in targets if one.slug == typed.target), None)
    inventory = getattr(target, "inventory", None)
    context: dict[str, Any] = {
        "typed": typed,
        "may_choose": may_choose,
        "targets": targets,
        "roles": roles_on_offer(inventory) if inventory else [],
        "lengths": [(text, spell_duration(parse_duration(text))) for text in TRIED_LENGTHS],
        "wrong": [],
    }
    if target is not None and typed.role:
        context |= _verdict(request, person, current, target, typed)
    return context


def _typed(request: HttpRequest, person: Person, *, may_choose: bool) -> Typed:
    read = {
        name: request.GET.get(name, "").replace("\0", "").strip()[:LONGEST_TYPED] for name in ("who", "target", "role")
    }
    who = read["who"] if may_choose and read["who"] else person.username
    return Typed(who, read["target"], read["role"], request.GET.get("length", "PT2H"))


def _verdict(
    request: HttpRequest, person: Person, current: PolicyVersion, target: Target, typed: Typed
) -> dict[str, Any]:
    subject = person if typed.who == person.username else Person.objects.filter(username=typed.who).first()
    if subject is None:
        return {"wrong": [f"There is nobody with the user name {typed.who}."]}
    try:
        asked = Asked(
            target=target.slug,
            kind=next(iter(target.offers.get("kinds", [])), AccessKind.DATABASE_USER.value),
            roles=(typed.role,),
            duration=parse_duration(typed.length),
            # No reason is written for a try, so it must not be what is in the way.
            reason="x" * LONGEST_REASON,
            authentication=next(iter(target.offers.get("authentication", [])), ""),
            **_scope(request, target),
        )
        tried = policies.tried(version=current, person=subject, asked=asked, at=clock.now(), target=target)
    except (InvalidDuration, NotReadYet) as error:
        return {"wrong": [str(error)]}
    except Invalid as error:
        return {"wrong": [sentence for sentences in error.errors.values() for sentence in sentences]}
    return {"tried": tried, "heading": _heading(tried.verdict), "subject": subject}


def _scope(request: HttpRequest, target: Target) -> dict[str, Any]:
    """Where a target wants clusters and an address: one of its own, and where one is."""
    clusters = clusters_of(target, getattr(target, "inventory", None))
    observed = observed_address(request) if KINDS[target.kind].needs_address else ""
    return {"clusters": tuple(clusters)[:1], "source_addresses": (observed,) if observed else ()}


def _heading(verdict: policy.Verdict) -> str:
    if not verdict.allowed:
        return "Refused."
    if verdict.automatic:
        return "Given at once: nobody has to approve."
    return " ".join(
        f"{step.needed} {'person' if step.needed == 1 else 'different people'} of {step.group} must approve."
        for step in verdict.steps
    )
