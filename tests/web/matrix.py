"""The world of the matrix: whose things there are, who looks at them, and where in a row of the table each of them stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from accessrequests.domain.events import Via
from accessrequests.operations import delegations, people, policy_drafts
from sandbox import catalogue
from tests import make, reviews, roles
from tests.kept import Kept
from tests.make import Cast
from tests.web import grants
from tests.web.addresses import address_of, objects_of, routes
from tests.web.browser import give_password

EVERYBODY = ("alice", "bob", "carol", "dave", "erin", "mallory")
# Alice only asks; bob asks too, and decides for others: being an approver must give him nothing on what is his.
OWNERS = {"alice": "bob", "bob": "grace"}
DECIDERS = {"bob", "grace"}
CAST = (*EVERYBODY, "frank", "grace")


def canonical(route: str) -> str:
    """The same for `requests/{request}/` of this table and `requests/<int:number>/` of the URLconf."""
    return re.sub(r"<[^>]+>|\{[^}]+\}", "<>", route)


def expected_of(row: Mapping[str, int], route: str, name: str, owner: str) -> int:
    """What the row says of this person. It is written for alice's things; on bob's, people stand in other places."""
    if canonical(route) == route:
        return row[name]
    if name == owner:
        return row["alice"]
    if name in DECIDERS:
        return row["bob"]
    return row[name] if name in {"carol", "dave", "erin", "mallory"} else row["mallory"]


@dataclass(frozen=True)
class World:
    """One pending request, one live grant, one token, one lent voice and one change of a role, all of one owner."""

    cast: Cast
    owner: str
    objects: Mapping[str, object]

    def address(self, route: str) -> str:
        found = next(one for one in routes() if canonical(one) == canonical(route))
        return address_of(found, self.objects)

    def expected(self, table: Mapping[str, Mapping[str, int]], name: str) -> dict[str, int]:
        """What this person is to be answered, wherever that says something that no other look has said.

        A page of nobody's is the same whoever owns things, and bob's and alice's stand for those of grace and frank. And
        where there is no such method, that is said before it is asked who it is: its owner tries, and a stranger to it.
        """
        return {
            route: expected_of(row, route, name, self.owner)
            for route, row in table.items()
            if (self.owner == "alice" and name in EVERYBODY) or canonical(route) != route
            if set(row.values()) != {405} or (self.owner == "alice" and name in {"alice", "mallory"})
        }


def begin(kept_cast: Kept, name: str) -> Mapping[str, object]:
    cast = kept_cast.cast.give()
    for one in CAST:
        give_password(getattr(cast, one))
    owner, approver = getattr(cast, name), getattr(cast, OWNERS[name])
    policy_drafts.draft(text="", document=catalogue.policy_document(), actor=make.OPERATOR)
    token, _ = people.create_token(person=owner, name="laptop", scopes=["read"], actor=make.OPERATOR)
    pending, grant = make.submit(owner), grants.live(owner, approver)
    delegations.delegate(giver=owner, stand_in="erin", ends_at=make.now() + timedelta(days=1), via=Via.WEB)
    roles.project()
    review = reviews.start(cast.erin, reviewers=["security"])
    return objects_of(grant=grant, request_id=pending.pk, token=token, change=roles.propose(owner), review=review)
