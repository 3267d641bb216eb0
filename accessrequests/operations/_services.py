"""Service identities as the file of people names them. Inside one operation, which holds their rows and their owners'."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from accessrequests.domain.events import Event
from accessrequests.models import Group, Person
from accessrequests.models.people import MembershipSource
from accessrequests.operations._belonging import give_memberships
from accessrequests.operations._record import Fact
from accessrequests.queries.asks import Invalid


def check_names(
    entries: Mapping[str, Mapping[str, Any]],
    services: Mapping[str, Mapping[str, Any]],
    *,
    known: Mapping[str, Person],
    groups: Mapping[str, Mapping[str, Any]],
) -> None:
    """A person never becomes a service, nor a service a person: their past would be told of somebody else.

    :raises Invalid: when a name is the other's already, or a service would be in a group with a role.
    """
    wrong = [name for name in entries if name in services or (name in known and known[name].is_service)]
    wrong += [name for name in services if name in known and not known[name].is_service]
    if wrong:
        raise Invalid({"services": [f"{', '.join(wrong)}: a person and a service cannot have the same name."]})
    for name, entry in services.items():
        with_role = sorted(group for group in entry.get("groups", []) if groups[group].get("role"))
        if with_role:
            sentence = f"{name}: {', '.join(with_role)} has a role, and only people audit or administer."
            raise Invalid({"services": [sentence]})


def apply_service(
    service: Person | None, username: str, entry: Mapping[str, Any], *, known: Mapping[str, Group], at: datetime
) -> tuple[Person, dict[str, Any]]:
    """Make one service identity say what the file says. It is off while its owner is.

    :raises Invalid: when its owner is nobody.
    """
    owner = Person.objects.filter(username=entry["owner"], owner=None).first()
    if owner is None:
        raise Invalid({"services": [f"{username}: there is nobody called {entry['owner']} who could own it."]})
    if service is None:
        service = Person(username=username, created_at=at)
        service.set_unusable_password()
    wanted = {"name": entry["title"], "owner": owner, "is_active": entry.get("active", True) and owner.is_active}
    changes = {name: value for name, value in wanted.items() if service.pk is None or getattr(service, name) != value}
    for name, value in wanted.items():
        setattr(service, name, value)
    service.save()
    groups: AbstractSet[Group] = {known[name] for name in entry.get("groups", [])}
    changes |= give_memberships(service, groups, source=MembershipSource.FILE, at=at)
    return service, changes | ({"owner": owner.username} if "owner" in changes else {})


def applied(service: Person, changes: Mapping[str, Any]) -> list[Fact]:
    subject = f"person/{service.username}"
    return [Fact(Event.PERSON_APPLIED, subject, {"service": True, **changes})] if changes else []
