"""One grant on the tour: from the approval to the proof that nothing of it is left."""

from __future__ import annotations

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from sandbox.tour.hostile import UNAUTHORIZED, Document, expect_login_refused
from sandbox.tour.narrator import Narrator, expect
from sandbox.tour.person import Answer, Person, wait_until
from sandbox.tour.target import Target


class Story:
    """An approved request, its grant, and the connection of the person who uses it."""

    def __init__(self, *, person: Person, access_request: Answer, target: Target, tell: Narrator) -> None:
        self.person = person
        self.access_request = access_request
        self.target = target
        self.grant: Answer = access_request["grant"]
        self.credential: Answer = {}
        self._tell = tell
        self._clients: list[MongoClient[Document]] = []

    @property
    def client(self) -> MongoClient[Document]:
        """The person's first connection."""
        return self._clients[0]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def connect(self) -> MongoClient[Document]:
        """One more connection, with the connection string exactly as it was revealed."""
        client: MongoClient[Document] = MongoClient(self.credential["connection_string"])
        self._clients.append(client)
        return client

    def open(self) -> None:
        """Wait for the user, reveal its password once, and log in."""
        grant_id, name = self.grant["id"], self.person.name.capitalize()
        with self._tell.step("The worker makes the user, tries its login and opens it."):
            self.grant = self.person.await_grant(grant_id, "active")
            made = [user for user in self.target.users() if user.startswith(f"{self.grant['username']}@")]
            expect(holds=len(made) == 1, found=made)
        with self._tell.step(f"{name} reveals the password; a second time it is gone (410)."):
            self.credential = self.person.post(f"grants/{grant_id}/reveal/")
            self.person.post(f"grants/{grant_id}/reveal/", expected=410)
        with self._tell.step(
            f"{self.grant['username']} logs in with the connection string as it is and reads an order."
        ):
            expect(holds=self.connect().shop.orders.find_one({"_id": 77}) is not None, found="no order")

    def expect_gone(self, *, reason: str) -> None:
        grant = self.grant
        with self._tell.step(f"A new login of {grant['username']} is refused."):
            expect_login_refused(self.credential["connection_string"])
        with self._tell.step(f"The product says revoked, for the reason {reason}, with every gate clean."):
            ended = self.person.await_grant(grant["id"], "revoked")
            expect(holds=ended["reason"] == reason, found=ended)
            expect(holds=all(gate["state"] == "clean" for gate in ended["gates"]), found=ended["gates"])
        with self._tell.step("Nothing of it is found on the server, by name or by tag."):
            found = self.target.traces(username=grant["username"], grant_id=grant["id"])
            expect(holds=not found, found=found)


def expect_nothing_made(target: Target) -> None:
    """:raises Unexpected: a user or role with a name of the product's is on the target."""
    made = [name for name in (*target.users(), *target.roles()) if name.startswith("jit-")]
    expect(holds=not made, found=made)


def await_refusal(client: MongoClient[Document], *, seconds: float = 10.0) -> None:
    """:raises Unexpected: the connection still works when the time is over."""
    wait_until(lambda: _is_refused(client), what=lambda: "it still works", seconds=seconds)


def _is_refused(client: MongoClient[Document]) -> bool:
    """Whether the connection may do nothing any more."""
    try:
        client.shop.orders.find_one()
    except OperationFailure as error:
        # An interrupted command (11601) says nothing yet of the next one.
        return error.code == UNAUTHORIZED
    return False
