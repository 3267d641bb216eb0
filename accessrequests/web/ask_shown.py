"""What the rail beside the form shows: what would happen if the ask were sent as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain import external, privileges
from accessrequests.domain.approvals import Given
from accessrequests.domain.gates import only_we_end_it, who_ends
from accessrequests.domain.kinds import CERTIFICATES, named_method
from accessrequests.domain.policy import Verdict
from accessrequests.domain.window import format_duration, spell_duration
from accessrequests.models import Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import principals
from accessrequests.queries.advice import Advice, advice_on
from accessrequests.queries.asks import Asked
from accessrequests.queries.people import on_behalf
from accessrequests.queries.preview import Preview, preview
from accessrequests.queries.principals import Principal
from accessrequests.web import shown
from accessrequests.web.together import foreseen

_MADE = {
    AccessKind.DATABASE_USER: "A database user is made",
    AccessKind.ROLE_GRANT: "Roles are added to the database user",
    AccessKind.PROJECT_ROLE: "A project role is given",
}


@dataclass(frozen=True, slots=True)
class Rail:
    """A preview with what helps to ask well, in words."""

    preview: Preview
    verdict: Verdict
    advice: Advice
    refusals: Sequence[str]
    steps: Sequence[shown.StepShown]
    lacking: Sequence[str]
    made: str
    length: str
    maximum: str
    lapses_after: str
    gained: Sequence[str]
    held: Sequence[str]
    roles: str
    duration: str
    longest: str
    ends_itself: str
    everyone: str
    login: str
    shown_once: str
    before_and_after: str
    elsewhere: Sequence[tuple[str, str]]
    on_behalf: str


def rail_of(
    *,
    requester: Person,
    asked: Asked,
    at: datetime,
    version: PolicyVersion | None,
    target: Target | None,
    groups: frozenset[str],
    also: Sequence[str] = (),
) -> Rail:
    """What filing would come to now; its reason is judged once it is written.

    :raises Invalid: and :raises NotReadYet: as filing it would.
    """
    found = preview(
        requester=requester, asked=asked, at=at, is_draft=True, version=version, target=target, groups=groups
    )
    considered = found.considered
    verdict, advice = considered.verdict, advice_on(considered, requester=requester)
    people = {step["group"]: [Given(name, frozenset()) for name in step["people"]] for step in found.verdict["steps"]}
    voices = {step["group"]: step["voices"] for step in found.verdict["steps"]}
    is_project_role = asked.kind == AccessKind.PROJECT_ROLE
    wanted = privileges.union(*considered.privileges.values())
    new = privileges.what_this_lets_you_do(privileges.difference(wanted, found.held))
    login, target = considered.principal, considered.target
    somebody = considered.beneficiary.name if considered.beneficiary != requester else "you"
    return Rail(
        preview=found,
        verdict=verdict,
        advice=advice,
        refusals=[refusal.sentence for refusal in verdict.refusals],
        steps=shown.steps_shown(verdict.steps, people=people),
        lacking=[step.group for step in verdict.steps if voices[step.group] < step.needed],
        made=f"{_made(asked, login)} for {somebody}",
        length=spell_duration(asked.duration),
        maximum=spell_duration(verdict.maximum) if verdict.maximum else "",
        lapses_after=spell_duration(verdict.lapses_after),
        gained=found.what_this_lets_you_do if is_project_role else new,
        held=privileges.what_this_lets_you_do(found.held),
        roles=" ".join(str(role) for role in considered.roles),
        duration=format_duration(asked.duration),
        longest=format_duration(advice.longest) if advice.longest else "",
        ends_itself=only_we_end_it(target.slug)
        if login.name and not login.is_vouched
        else who_ends(kind=target.kind, target=target.slug, authentication=asked.authentication),
        everyone=login.who_else,
        login=login.name,
        shown_once=_shown_once(asked.authentication, login),
        before_and_after=principals.before_and_after(target, login, [str(role) for role in considered.roles]),
        elsewhere=foreseen(considered, also, requester=requester, at=at),
        on_behalf=on_behalf(requester, considered.beneficiary),
    )


def _made(asked: Asked, login: Principal) -> str:
    if login.is_vouched:
        return f"A login by {named_method(asked.authentication)} is let in"
    return _MADE[AccessKind(asked.kind)]


def _shown_once(authentication: str, login: Principal) -> str:
    if login.is_vouched:
        name = external.name_of(login.name)
        return f"Nothing is revealed: {name} signs in with {named_method(authentication)}, which stays as it is."
    if login.name:
        return f"Nothing is revealed: {login.name} goes on with the login that it has."
    if authentication in CERTIFICATES:
        return "A certificate is made once it is live. It is shown once, with its key, and only to whom it is for."
    return "The password is shown once, and only to whom it is for."
