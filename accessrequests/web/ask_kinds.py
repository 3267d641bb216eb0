"""The part of the form that says what is granted: a user of one's own, or roles for a login that stands anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accessrequests.domain import project_roles
from accessrequests.domain.kinds import named_method
from accessrequests.models import Person, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import principals, vouched
from accessrequests.queries.principals import Principal
from accessrequests.web.ask_scope import Choice

_KINDS = {
    AccessKind.DATABASE_USER: ("A database user for a while", "Made for this, with a password of its own."),
    AccessKind.ROLE_GRANT: ("More roles for a login that is there", "It goes on with the login that it has."),
    AccessKind.PROJECT_ROLE: ("A role in the Atlas project", "To manage it, not to read data with a driver."),
}


def offered_words(target: Target) -> list[tuple[str, str]]:
    """What a target offers, as people call it."""
    offers = target.offers
    said = {
        "What can be had": [_KINDS[AccessKind(kind)][0] for kind in offers.get("kinds", [])],
        "To sign in with": [named_method(method) for method in offers.get("authentication", [])],
        "Project roles": offers.get("project_roles", []),
    }
    return [(label, ", ".join(words)) for label, words in said.items() if words]


@dataclass(frozen=True, slots=True)
class Kinds:
    """What may be granted to a person on a target, and to which login."""

    offered: Sequence[str] = (AccessKind.DATABASE_USER.value,)
    logins: Sequence[Principal] = ()
    member: Principal | None = None
    project_roles: Sequence[str] = ()
    vouched: Sequence[tuple[str, str, Principal]] = ()

    def chosen(self, typed: str) -> str:
        """The kind that was typed where there is such a choice; else the first there is."""
        return typed if typed in self.offered else next(iter(self.offered), "")


def kinds_of(target: Target, person: Person) -> Kinds:
    """A kind is offered where the target offers it; roles for a login also take a login that is the person's."""
    logins, member = principals.users_of(target, person), principals.member_of(target, person)
    roles = target.offers.get("project_roles", [])
    possible = {
        AccessKind.DATABASE_USER: True,
        AccessKind.ROLE_GRANT: bool(logins),
        AccessKind.PROJECT_ROLE: bool(member and roles),
    }
    offered = target.offers.get("kinds", [])
    # One that is offered alone is told as it is: what it lacks is said when it is asked for.
    fitting = [kind for kind in offered if possible[AccessKind(kind)]]
    return Kinds(fitting or offered[:1], logins, member, roles, vouched.of_person(target, person))


def kind_choices(kinds: Kinds, chosen: str) -> list[Choice]:
    """Nothing to choose where there is one kind only."""
    if len(kinds.offered) <= 1:
        return []
    return [
        Choice(f"id_kind_{number}", kind, *_KINDS[AccessKind(kind)], kind == chosen)
        for number, kind in enumerate(kinds.offered)
    ]


def login_choices(kinds: Kinds, chosen: str) -> list[Choice]:
    """The person's own logins, and those of services of theirs."""
    return [
        Choice(f"id_database_user_{number}", one.name, one.name, one.who_else or "Yours.", one.name == chosen)
        for number, one in enumerate(kinds.logins)
    ]


def project_role_choices(kinds: Kinds, ticked: Sequence[str]) -> list[Choice]:
    """What the target offers, least first."""
    ordered = sorted(kinds.project_roles, key=lambda name: (project_roles.level_of([name]).rank, name))
    return [
        Choice(f"id_project_role_{number}", name, name, project_roles.what_these_let_you_do([name])[0], name in ticked)
        for number, name in enumerate(ordered)
    ]
