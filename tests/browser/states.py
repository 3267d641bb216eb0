"""Every state that a request or a grant can be in, made in a running world as people and servers make it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property

import psycopg

from tests.journeys.people import REASON, Answer
from tests.journeys.world import World

WRITE_ORDERS = "readWrite@shop"
LONG, SHORT = "PT2H", "PT10M"


class States:
    """Each state is made when it is first looked at, and is then the number of a request or a grant."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._expiring = world.approved(duration="PT10S")  # it ends while the others are made

    # -- Requests ---------------------------------------------------------------------------------

    @cached_property
    def waiting(self) -> int:
        return number(self.world.alice.ask(target="shop-prod", duration=LONG))

    @cached_property
    def one_of_two(self) -> int:
        asked = self.world.alice.ask(target="shop-prod", roles=(WRITE_ORDERS,), duration=LONG)
        assert self.world.bob.approve(asked)["state"] == "pending"
        return number(asked)

    @cached_property
    def own_of_an_approver(self) -> int:
        return number(self.world.bob.ask(target="shop-prod", duration=LONG))

    @cached_property
    def for_a_service(self) -> int:
        return number(self.world.alice.ask(target="shop-prod", duration=LONG, grantee="ci-runner"))

    @cached_property
    def of_a_service(self) -> int:
        """A live grant, which its owner has in hand."""
        asked = self.world.alice.ask(target="shop-dev", duration=LONG, grantee="ci-runner")
        return number(self.world.await_grant(self.world.follow(asked, self.world.bob), "active"))

    @cached_property
    def denied(self) -> int:
        asked = self.world.alice.ask(target="shop-prod", duration="PT8H")
        reason = "Staging holds the same orders, and eight hours is more than you used last time."
        body = {"revision": asked["revision"], "reason": reason}
        return number(self.world.bob.post(f"access-requests/{asked['id']}/deny/", body))

    @cached_property
    def cancelled(self) -> int:
        asked = self.world.alice.ask(target="shop-prod", duration=LONG)
        return number(self.world.alice.post(f"access-requests/{asked['id']}/cancel/"))

    @cached_property
    def lapsed(self) -> int:
        asked = self.world.alice.ask(target="shop-prod", duration=LONG)
        lapse(self.world, asked)
        return number(asked)

    @cached_property
    def together(self) -> int:
        """The first of two that were asked for at once, on two servers, and that both wait for the same people."""
        asked = {"kind": "database_user", "roles": [WRITE_ORDERS], "authentication": "scram", "duration": LONG}
        asks = [{**asked, "target": slug, "reason": REASON} for slug in ("shop-prod", "shop-staging")]
        return number(self.world.alice.post("bundles/", {"asks": asks}, expected=201)["access_requests"][0])

    @property
    def breaking(self) -> int:
        """A break-glass that lives."""
        return self._glass[1]

    @property
    def broken(self) -> int:
        """A break-glass that is over and waits for its review."""
        return self._glass[0]

    @cached_property
    def _glass(self) -> tuple[int, int]:
        """One that is over, and one so soon after it that a second person had to agree."""
        over = self._break_glass()
        self.world.people["frank"].post(f"grants/{over['grant']['id']}/release/", expected=202)
        second = number(self._break_glass())
        self.world.people["carol"].post(f"access-requests/{second}/approve/", {"revision": 1})
        return number(over), second

    def _break_glass(self) -> Answer:
        body = {
            "target": "shop-prod",
            "kind": "database_user",
            "roles": [WRITE_ORDERS],
            "duration": SHORT,
            "reason": "Checkout writes time out since 16:49; the locks must go.",
            "incident": "INC-884",
            "confirm_target": "shop-prod",
            "second_factor": self.world.code_of("frank"),
        }
        return self.world.people["frank"].post("break-glass/", body, expected=201)

    @cached_property
    def role_change(self) -> int:
        """A custom role that somebody wants to have made, and that a data owner decides on."""
        body = {
            "change": "create",
            "role": "sales-reader",
            "privileges": ["find,listIndexes@shop.orders"],
            "inherits": ["read@shop"],
            "reason": "Sales want to look at orders.",
        }
        return number(self.world.alice.post("targets/ecommerce-prod/custom-roles/", body, expected=201))

    @cached_property
    def review(self) -> int:
        """A review of everything that stands on one server, answered in part."""
        erin, due_at = self.world.people["erin"], datetime.now(UTC) + timedelta(days=14)
        body = {"name": "Fourth quarter", "targets": ["shop-prod"], "due_at": due_at.isoformat(timespec="seconds")}
        started = erin.post("access-reviews/", body, expected=201)
        items = self.world.dave.get(f"access-reviews/{started['id']}/items/")["results"]
        login = next(item for item in items if item["username"] == "shop-app@admin")
        self.world.bob.post(f"access-reviews/items/{login['id']}/answer/", {"answer": "keep", "reason": "The shop."})
        return number(started)

    @cached_property
    def reviewed(self) -> int:
        """A review in which nothing waits for an answer any more."""
        erin, grace, due_at = (
            self.world.people["erin"],
            self.world.people["grace"],
            datetime.now(UTC) + timedelta(days=14),
        )
        body = {"name": "Staging", "targets": ["shop-staging"], "due_at": due_at.isoformat(timespec="seconds")}
        started = erin.post("access-reviews/", body, expected=201)
        for item in self.world.dave.get(f"access-reviews/{started['id']}/items/")["results"]:
            grace.post(f"access-reviews/items/{item['id']}/answer/", {"answer": "keep"})
        return number(started)

    @cached_property
    def to_stand_in(self) -> int:
        """A voice that will be lent: it counts for nothing while others look."""
        begins = datetime.now(UTC) + timedelta(days=60)
        times = {"starts_at": begins, "ends_at": begins + timedelta(days=7)}
        said = {name: at.isoformat(timespec="seconds") for name, at in times.items()}
        return number(self.world.people["carol"].post("delegations/", {"stand_in": "mallory", **said}, expected=201))

    @cached_property
    def kit_use(self) -> int:
        return use_kit(self.world)

    # -- Grants -----------------------------------------------------------------------------------

    @cached_property
    def live(self) -> int:
        return int(self.world.opened(duration=LONG).grant["id"])

    @cached_property
    def unread(self) -> int:
        access = self.world.approved(duration=LONG)
        return int(self.world.await_grant(access, "active")["id"])

    @cached_property
    def longer(self) -> int:
        """Its holder has asked for more time, and nobody has answered."""
        access = self.world.opened(duration=LONG)
        wanted = {"duration": "PT30M", "reason": "The batch is larger than we thought."}
        access.person.post(f"grants/{access.grant['id']}/extend/", wanted, expected=202)
        return int(access.grant["id"])

    @cached_property
    def more_time(self) -> int:
        """The request for it."""
        return int(self.world.alice.grant(self.longer)["extension"]["access_request"])

    @cached_property
    def to_show(self) -> int:
        access = self.world.approved(duration=LONG)
        return int(self.world.await_grant(access, "active")["id"])

    @cached_property
    def ends_soon(self) -> int:
        access = self.world.approved(target="shop-dev", duration=SHORT)
        return int(self.world.await_grant(access, "active")["id"])

    @cached_property
    def wiped(self) -> int:
        access = self.world.approved(target="shop-dev", duration=LONG)
        self.world.await_grant(access, "active")
        wipe(self.world, access.grant)
        return int(access.grant["id"])

    @cached_property
    def ended(self) -> int:
        access = self.world.opened(duration=LONG)
        access.person.post(f"grants/{access.grant['id']}/release/", expected=202)
        return int(self.world.await_grant(access, "revoked")["id"])

    @cached_property
    def revoked(self) -> int:
        access = self.world.opened(duration=LONG)
        reason = {"reason": "The incident is over, and the refund job must not be disturbed."}
        self.world.bob.post(f"grants/{access.grant['id']}/revoke/", reason, expected=202)
        return int(self.world.await_grant(access, "revoked")["id"])

    @cached_property
    def expired(self) -> int:
        return int(self.world.await_grant(self._expiring, "revoked", seconds=40)["id"])


class Away:
    """What shows itself only while a target's server is stopped. It is started again by whoever made this."""

    def __init__(self, world: World, *, target: str) -> None:
        failing = world.opened(target=target, duration=LONG)
        world.stop(f"mongod:{target}")
        failing.person.post(f"grants/{failing.grant['id']}/release/", expected=202)
        self.revoking = int(world.await_grant(failing, "revoking")["id"])
        world.wait_for(
            lambda: failing.person.grant(self.revoking)["overdue"], what="the revocation is overdue", seconds=20
        )
        self.setting_up = int(world.approved(target=target, duration=LONG).grant["id"])
        failed = world.approved(target=target, duration=LONG)
        self.failed = int(failed.grant["id"])
        give_up(world, failed.grant)


def number(answer: Answer) -> int:
    return int(answer["id"])


# -- What only time brings: the owner of the database moves a deadline to now, and the relay does the rest. ------------


def lapse(world: World, asked: Answer) -> None:
    """Nobody answered for as long as the policy says."""
    _move(world, "accessrequests_accessrequest", "lapses_at = clock_timestamp()", asked["id"])
    path = f"access-requests/{asked['id']}/"
    world.wait_for(lambda: world.alice.get(path)["state"] == "expired", what=f"{path} has lapsed")


def use_kit(world: World) -> int:
    """A use of an offline kit that was ended since. Its halves are sealed by two people at a terminal, and a login with
    them is noticed once workers look: only what is left of it is put there.
    """
    kit = """
        INSERT INTO accessrequests_offlinekit
            (target_id, username, roles, holders, state, fingerprint, ordered_at, ordered_by, made_at, trouble, seen)
        SELECT id, 'ar-kit-shop-prod', '{readWrite@shop}', '{frank,erin}', 'ended', repeat('a', 32), clock_timestamp(),
            'os:operator', clock_timestamp(), '', '[]' FROM accessrequests_target WHERE slug = 'shop-prod'
        ON CONFLICT (target_id) DO UPDATE SET trouble = '' RETURNING id"""
    use = """
        INSERT INTO accessrequests_kituse
            (kit_id, holders, began_at, noticed_at, last_at, logins, addresses, review_groups, finding, review_note)
        VALUES (%s, '{frank,erin}', clock_timestamp(), clock_timestamp(), clock_timestamp(), 1, '{10.0.0.7}',
            '{security}', '', '') RETURNING id"""
    with psycopg.connect(world.state()["postgres"], autocommit=True) as connection:
        row = connection.execute(use, connection.execute(kit).fetchone()).fetchone()
    assert row is not None
    return int(row[0])


def give_up(world: World, grant: Answer) -> None:
    """The hour is up in which the target should have answered."""
    _move(world, "accessrequests_grant", "activate_by = clock_timestamp()", grant["id"])
    path = f"grants/{grant['id']}/"
    world.wait_for(lambda: world.dave.get(path)["reason"] == "provisioning_failed", what=f"{path} was given up")


def wipe(world: World, grant: Answer) -> None:
    """Nobody read the password within fifteen minutes."""
    early = "ready_at = ready_at - interval '1 hour'"
    _move(world, "accessrequests_credential", early, grant["id"], column="grant_id")
    _move(
        world, "accessrequests_outboxmessage", "ready_at = clock_timestamp()", f"grant/{grant['id']}", column="subject"
    )
    path = f"grants/{grant['id']}/"
    world.wait_for(lambda: world.alice.get(path)["credential"] == "erased", what=f"the password of {path} is erased")


def _move(world: World, table: str, change: str, key: object, *, column: str = "id") -> None:
    with psycopg.connect(world.state()["postgres"], autocommit=True) as connection:
        connection.execute(f"UPDATE {table} SET {change} WHERE {column} = %s", [key])
