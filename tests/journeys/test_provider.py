"""Guards signing in through a real OpenID provider: who is new is made, groups follow, and who is turned away loses all."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest

from tests.journeys.world import World

NINA = "nina"


class Visitor:
    """A browser that knows both places, follows redirects between them, and never runs a script."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.client = httpx2.Client(timeout=15, trust_env=False, follow_redirects=True)

    def portal(self, path: str) -> httpx2.Response:
        return self.client.get(f"{self.state['web']}{path}")

    def press(self, path: str, **typed: str) -> httpx2.Response:
        token = self.client.cookies.get("csrftoken")
        origin = {"Origin": self.state["web"]}
        return self.client.post(
            f"{self.state['web']}{path}", data={"csrfmiddlewaretoken": token, **typed}, headers=origin
        )

    def leave(self, wanted: str = "/access/") -> str:
        """Press the button of the sign-in page; where it leads."""
        self.portal("/accounts/login/")
        answer = self.press("/accounts/provider/", next=wanted)
        assert answer.status_code == 200, answer.text
        return html.unescape(re.findall(r'<a class="btn main" href="([^"]+)"', answer.text)[0])

    def sign_in(self, name: str) -> httpx2.Response:
        answer = self.client.get(self.leave())
        if urlsplit(str(answer.url)).path.startswith("/accounts/login/"):
            fields = dict(re.findall(r'name="(csrfmiddlewaretoken|next)" value="([^"]*)"', answer.text))
            fields = {field: html.unescape(value) for field, value in fields.items()}
            password = self.state["identity"]["passwords"][name]
            answer = self.client.post(str(answer.url), data={**fields, "login": name, "password": password})
        return answer


@pytest.fixture
def visitor(world: World) -> Iterator[Visitor]:
    assert eventually(lambda: httpx2.get(world.state()["identity"]["url"]).status_code == 200)
    visitor = Visitor(world.state())
    yield visitor
    visitor.client.close()


def eventually(look: Callable[[], bool], *, seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if look():
                return True
        except httpx2.HTTPError:
            pass
        time.sleep(0.2)
    return False


def say(world: World, name: str, **said: Any) -> None:
    """Change what the provider says of somebody."""
    told = world.state()["identity"]
    answer = httpx2.post(
        f"{told['control_url']}{name}/", json=said, headers={"Authorization": f"Bearer {told['control_token']}"}
    )
    assert answer.status_code == 200, answer.text


def rows(world: World, question: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(world.state()["postgres_app"]) as connection:
        return connection.execute(question, values).fetchall()


def groups_of(world: World, name: str) -> set[tuple[str, str]]:
    found = rows(
        world,
        "SELECT g.name, m.source FROM accessrequests_membership m JOIN accessrequests_group g ON g.id = m.group_id"
        " JOIN accessrequests_person p ON p.id = m.person_id WHERE p.username = %s AND m.ended_at IS NULL",
        name,
    )
    return {(str(group), str(source)) for group, source in found}


class TestProvider:
    def test_makes_who_is_new_and_ends_what_they_hold_when_it_turns_them_away(
        self, world: World, visitor: Visitor
    ) -> None:
        answer = visitor.sign_in(NINA)
        assert (answer.status_code, urlsplit(str(answer.url)).path) == (200, "/access/")
        assert "Nina Novak" in answer.text
        # What the portal has no group for is ignored, and nobody becomes an administrator by the name of a group.
        assert groups_of(world, NINA) == {("engineering", "provider")}
        identity = rows(
            world,
            "SELECT i.issuer, i.made_person, i.sealed_tokens IS NOT NULL, p.is_staff FROM accessrequests_identity i"
            " JOIN accessrequests_person p ON p.id = i.person_id WHERE p.username = %s",
            NINA,
        )
        assert identity == [(world.state()["identity"]["url"], True, True, False)]

        visitor.portal("/account/")
        made = visitor.press("/tokens/", name="journey", scopes="read", days="1")
        assert made.status_code == 201
        filed = visitor.press(
            "/request/", target="shop-dev", roles="read@shop", duration="PT1H", reason="Looking at orders.", send="1"
        )
        assert filed.status_code == 200, filed.text

        def grants() -> list[tuple[Any, ...]]:
            return rows(
                world,
                "SELECT g.state, g.end_reason FROM accessrequests_grant g JOIN accessrequests_person p"
                " ON p.id = g.holder_id WHERE p.username = %s",
                NINA,
            )

        assert eventually(lambda: grants() == [("active", "")]), grants()
        say(world, NINA, active=False)

        assert eventually(lambda: grants() == [("revoked", "person_disabled")]), grants()
        assert urlsplit(str(visitor.portal("/access/").url)).path == "/accounts/login/"
        again = visitor.sign_in(NINA)
        assert "/access/" not in urlsplit(str(again.url)).path

        say(world, NINA, active=True, groups=["engineering", "security"])
        assert urlsplit(str(visitor.sign_in(NINA).url)).path == "/access/"
        assert groups_of(world, NINA) == {("engineering", "provider"), ("security", "provider")}
        self.loses_all_with_the_group(world, visitor)

    def loses_all_with_the_group(self, world: World, visitor: Visitor) -> None:
        for target in ("shop-dev", "shop-prod"):
            asked = {
                "target": target,
                "roles": "read@shop",
                "duration": "PT1H",
                "reason": "Looking at orders.",
                "send": "1",
            }
            assert visitor.press("/request/", **asked).status_code == 200

        def what_there_is() -> set[tuple[Any, ...]]:
            found = rows(
                world,
                "SELECT t.slug, r.state, g.state, g.end_reason, r.note FROM accessrequests_accessrequest r"
                " JOIN accessrequests_target t ON t.id = r.target_id"
                " JOIN accessrequests_person p ON p.id = r.requester_id"
                " LEFT JOIN accessrequests_grant g ON g.access_request_id = r.id"
                " WHERE p.username = %s AND coalesce(g.end_reason, '') <> 'person_disabled'",
                NINA,
            )
            return {tuple(row[:4]) for row in found}

        before = {("shop-dev", "approved", "active", ""), ("shop-prod", "pending", None, None)}
        assert eventually(lambda: what_there_is() == before), what_there_is()
        say(world, NINA, groups=["security"])

        after = {("shop-dev", "approved", "revoked", "eligibility_lost"), ("shop-prod", "cancelled", None, None)}
        # It is asked every five seconds here; what follows from the answer takes no more than ten.
        assert eventually(lambda: what_there_is() == after, seconds=15), what_there_is()
        assert "is for people of engineering" in visitor.portal("/history/").text

    def test_knows_whom_the_operator_linked_and_leaves_them_their_groups(self, world: World, visitor: Visitor) -> None:
        answer = visitor.sign_in("grace")

        assert urlsplit(str(answer.url)).path == "/access/"
        assert groups_of(world, "grace") == {("engineering", "file"), ("data-owners", "file")}
        ways = rows(
            world, "SELECT facts->>'way' FROM accessrequests_auditevent WHERE event = 'person.signed_in'"
            " AND subject = 'person/grace' ORDER BY sequence DESC LIMIT 1"
        )  # fmt: skip
        assert ways == [("the identity provider",)]

    def test_a_proof_counts_from_when_the_provider_asked(self, world: World, visitor: Visitor) -> None:
        def make_token() -> httpx2.Response:
            visitor.portal("/account/")
            return visitor.press("/tokens/", name="journey", scopes="read", days="1")

        def confirm() -> httpx2.Response:
            """As somebody does who sits there, and takes the wish to be asked again out of the address."""
            visitor.portal("/account/")
            page = visitor.press("/accounts/provider/", next="/tokens/").text
            address = html.unescape(re.findall(r'<a class="btn main" href="([^"]+)"', page)[0])
            assert parse_qs(urlsplit(address).query)["max_age"] == ["900"]
            return visitor.client.get(re.sub("&(prompt|max_age)=[a-z0-9]+", "", address))

        for said in ({"auth_time": int(time.time()) - 3600}, {"auth_time": None}, {"auth_time": True}):
            say(world, "grace", claims=said)
            try:
                visitor.client.cookies.clear()
                assert urlsplit(str(visitor.sign_in("grace").url)).path == "/access/"
                assert urlsplit(str(make_token().url)).path == "/accounts/reauthenticate/", said
                answer = confirm()
            finally:
                say(world, "grace", claims={})
            assert answer.status_code == 403, said
            assert "did not ask you again" in answer.text
            assert urlsplit(str(make_token().url)).path == "/accounts/reauthenticate/", said
        assert urlsplit(str(confirm().url)).path == "/tokens/", "The provider asked a moment ago, and says so."
        assert make_token().status_code == 201

    def test_an_answer_is_taken_once_and_only_where_it_was_asked_for(self, world: World, visitor: Visitor) -> None:
        visitor.client.follow_redirects = False
        address = visitor.leave()
        asked = parse_qs(urlsplit(address).query)
        assert asked["response_type"] == ["code"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["nonce"][0] != asked["state"][0]

        # Somebody else's answer, put into this browser: the state is not one that it has asked with.
        stranger = Visitor(world.state())
        stranger.client.follow_redirects = False
        forged = f"/accounts/provider/callback/?code=stolen&state={asked['state'][0]}"
        assert stranger.portal(forged).status_code == 403
        # Another issuer's answer.
        assert visitor.portal(f"{forged}&iss=https://evil.example.com").status_code == 403
        # A code that the provider never gave, and then the same state once more.
        assert visitor.portal(forged).status_code == 403
        assert "was begun in this browser" in visitor.portal(forged).text
        assert "sessionid" not in stranger.client.cookies
        stranger.client.close()

    @pytest.mark.parametrize(
        "claims",
        [
            {"preferred_username": "alice", "email": "other@example.com", "sub": "somebody-else"},
            {"preferred_username": "alise", "email": "ALICE@example.com", "sub": "somebody-else"},
            {"preferred_username": "\u0430lice", "email": "x@example.com", "sub": "somebody-else"},
            {"preferred_username": "ali\nce", "email": "x@example.com", "sub": "somebody-else"},
            {"sub": "sub\u202eject", "preferred_username": "x", "email": "x@example.com"},
            {"sub": "somebody-else", "groups": ["g" * 100] * 5_000, "preferred_username": "zed"},
            {"sub": "somebody-else", "groups": "x" * 1_000_000, "preferred_username": "zed"},
            {"sub": "somebody-else", "groups": {"administrators": True}, "preferred_username": "zed"},
            {"sub": "somebody-else", "active": False, "preferred_username": "zed", "email": "zed@example.com"},
        ],
    )
    def test_takes_nobodys_place_and_no_claim_that_cannot_be_true(
        self, world: World, visitor: Visitor, claims: dict[str, Any]
    ) -> None:
        before = rows(world, "SELECT username, name, email FROM accessrequests_person ORDER BY id")
        say(world, "mallory", claims=claims)
        try:
            answer = visitor.sign_in("mallory")
        finally:
            say(world, "mallory", claims={})

        assert answer.status_code == 403, answer.text
        assert "You are not signed in" in answer.text
        assert rows(world, "SELECT username, name, email FROM accessrequests_person ORDER BY id") == before
        assert urlsplit(str(visitor.portal("/access/").url)).path == "/accounts/login/"
