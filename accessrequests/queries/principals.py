"""Who gets roles where no user is made: database users and Atlas users that stand anyway, as the catalogue declares them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accessrequests.domain import privileges, project_roles
from accessrequests.domain.gates import everyone_in
from accessrequests.domain.privileges import Privilege, RoleRef
from accessrequests.domain.sharing import EVERYWHERE, Share, exceeds
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Person, Target
from accessrequests.models.access_requests import AccessKind

_NAME_ONE = "Name the database user that gets the roles, as name@database."
_NO_USER = "Only extra roles are given to a database user. Leave database_user out."
_NO_ADDRESSES = "These roles work from wherever the login works already. Leave source_addresses out."
_NO_CLUSTERS = "A project role is for the whole project. Leave clusters out."
_TOO_WIDE = (
    "{} works on {}, and the roles of a login count wherever it works: nobody would be asked about that. Ask for {}, "
    "or have the login limited to fewer clusters. What {} has was read at {}."
)
_UNKNOWN_ROLE = "Name each role that {} offers once: {}."


@dataclass(frozen=True, slots=True)
class Principal:
    """A login that others made. `owners` are all who gain when it gets more; of a service, there may be several."""

    name: str
    owners: tuple[str, ...] = ()
    service: str = ""
    ends_running: bool = True
    group: str = ""
    is_vouched: bool = False

    @property
    def who_else(self) -> str:
        """What an approver has to know of a login that is not one person's."""
        if self.group:
            return everyone_in(self.group)
        if not self.service:
            return ""
        return f"{self.name} belongs to the service {self.service}: whoever runs as it gets these roles too."


def makes_a_user(kind: str) -> bool:
    return kind == AccessKind.DATABASE_USER


def users_of(target: Target, person: Person) -> list[Principal]:
    """The database users of a target that the catalogue declares as this person's, or as of a service of theirs."""
    declared: Mapping[str, Mapping[str, Any]] = target.declared.get("database_users", {})
    found = [_user(name, said) for name, said in sorted(declared.items())]
    return [one for one in found if person.username in one.owners]


def member_of(target: Target, person: Person) -> Principal | None:
    """The Atlas user that the catalogue declares this person to be."""
    name = target.declared.get("members", {}).get(person.username, "")
    return Principal(name, (person.username,)) if name else None


def named(target: Target, name: str) -> Principal | None:
    """A declared database user, whoever it belongs to."""
    said = target.declared.get("database_users", {}).get(name)
    return _user(name, said) if said is not None else None


def chosen(
    target: Target, *, kind: str, database_user: str, beneficiary: Person, errors: dict[str, list[str]]
) -> Principal:
    """Who would get the roles of an ask. Nobody where a user is made for it."""
    who = beneficiary.username
    if "kind" in errors:
        return Principal("")
    if kind != AccessKind.ROLE_GRANT and database_user:
        errors["database_user"] = [_NO_USER]
    if kind == AccessKind.PROJECT_ROLE:
        member = member_of(target, beneficiary)
        if member is None:
            sentence = (
                f"The catalogue does not say which Atlas user of {target.slug} {who} is. An administrator adds it."
            )
            errors["grantee"] = [sentence]
        return member or Principal("")
    if kind != AccessKind.ROLE_GRANT:
        return Principal("")
    found = next((one for one in users_of(target, beneficiary) if one.name == database_user), None)
    if found is None:
        sentence = f"The catalogue declares no database user {database_user[:128]} of {target.slug} as {who}'s."
        errors["database_user"] = [f"{sentence} An administrator adds it." if database_user else _NAME_ONE]
    return found or Principal("")


def check_reach(*, kind: str, clusters: Sequence[str], addresses: Sequence[str], errors: dict[str, list[str]]) -> None:
    """What belongs to a login cannot be narrowed for some of its roles."""
    if not makes_a_user(kind) and addresses:
        errors["source_addresses"] = [_NO_ADDRESSES]
    if kind == AccessKind.PROJECT_ROLE and clusters:
        errors["clusters"] = [_NO_CLUSTERS]


def roles_asked(target: Target, texts: Sequence[str], errors: dict[str, list[str]]) -> tuple[RoleRef, ...]:
    """Project roles that the target offers, or that no target may: what gives access itself is for the policy to refuse."""
    offered = target.offers.get("project_roles", [])
    known = [text for text in dict.fromkeys(texts) if text in offered or text in project_roles.NOT_FOR_GRANTS]
    if not texts or len(known) < len(texts):
        errors["roles"] = [_UNKNOWN_ROLE.format(target.slug, ", ".join(offered) or "none")]
    return tuple(RoleRef(role=text, database="") for text in known)


def what_changes(target: Target, principal: Principal, roles: Sequence[str]) -> list[str]:
    """The roles of the login as they are and as they would be, and who else gets them."""
    return [said for said in (before_and_after(target, principal, roles), principal.who_else) if said]


def before_and_after(target: Target, principal: Principal, roles: Sequence[str]) -> str:
    """The roles of the login as they were read last, and as they would be."""
    if not principal.name:
        return ""
    if principal.is_vouched and principal.name not in target.inventory.users:
        return f"{principal.name} is added to {target.slug} for this, and deleted with the last access that needs it."
    has = list(target.inventory.users.get(principal.name, []))
    after = list(dict.fromkeys([*has, *roles]))
    stays = " It stays there afterwards." if principal.is_vouched else ""
    return f"{principal.name} has {_listed(has)} and would have {_listed(after)} until the end.{stays}"


def why_too_wide(target: Target, principal: str, roles: Collection[str], clusters: Collection[str]) -> str:
    """Why these roles may not be added to a login that stands there: it works where nobody is asked; or empty."""
    reached = target.inventory.reach.get(principal)
    if reached is None:
        return ""
    standing = Share(roles=frozenset(), clusters=frozenset(reached))
    excess = {one.cluster for one in exceeds([Share(frozenset(roles), frozenset(clusters))], standing=standing)}
    if not excess:
        return ""
    is_everywhere = EVERYWHERE in excess
    named = " and ".join(sorted(excess))
    where = "every cluster" if is_everywhere else f"{named} too"
    wider = "every cluster, by naming none" if is_everywhere else f"{named} as well"
    return _TOO_WIDE.format(principal, where, wider, target.slug, moment(target.inventory.read_at))


def held_by(target: Target, principal: Principal) -> tuple[Privilege, ...]:
    """What the login may do already, as far as its roles and what they come to were read."""
    inventory = target.inventory
    stored = [inventory.roles.get(name, []) for name in inventory.users.get(principal.name, [])]
    return privileges.union(*(privileges.from_json(one) for one in stored))


def _listed(roles: Sequence[str]) -> str:
    return ", ".join(roles) or "no role"


def check_still(access_request: AccessRequest, errors: dict[str, list[str]]) -> None:
    """The catalogue of today still says whose login it is, and still offers the roles."""
    target, kind = access_request.target, access_request.kind
    if kind == AccessKind.ROLE_GRANT:
        found = named(target, access_request.principal)
        stands = found is not None and access_request.beneficiary.username in found.owners
    elif kind == AccessKind.PROJECT_ROLE:
        member = member_of(target, access_request.beneficiary)
        stands = member is not None and member.name == access_request.principal
        roles_asked(target, access_request.roles, errors)
    else:
        return
    if not stands:
        who = access_request.beneficiary.username
        sentence = f"The catalogue no longer declares {access_request.principal} as {who}'s. Ask again."
        errors.setdefault("database_user", []).append(sentence)


def ends_running(access_request: AccessRequest) -> bool:
    """Whether what runs with the roles is ended with them: of a person yes, of a service only where it is declared."""
    found = named(access_request.target, access_request.principal)
    return found.ends_running if found is not None else not access_request.service


def _user(name: str, said: Mapping[str, Any]) -> Principal:
    if "person" in said:
        return Principal(name, (said["person"],))
    return Principal(name, tuple(said["owners"]), said["service"], ends_running=bool(said.get("end_running")))
