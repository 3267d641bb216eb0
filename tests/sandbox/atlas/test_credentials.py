"""Guards signing in to the stand-in: tokens with their limits, digest signatures, and where an account may call from."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sandbox.atlas.credentials import Tokens
from sandbox.atlas.digest import Digest, Unauthenticated
from sandbox.atlas.settings import Settings
from sandbox.atlas.wire import Account, AtlasError
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, PUBLIC_KEY, Served, serving

BASIC = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
GRANT = b"grant_type=client_credentials"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def accounts() -> dict[str, Account]:
    return {
        CLIENT_ID: Account(key=CLIENT_ID, secrets=(CLIENT_SECRET, "mdb_sa_sk_second"), name="tests"),
        PUBLIC_KEY: Account(key=PUBLIC_KEY, secrets=(PRIVATE_KEY,), name="tests"),
    }


def tokens(clock: Clock, *, settings: Settings | None = None, kept_in: Path | None = None) -> Tokens:
    return Tokens(accounts=accounts(), settings=settings or Settings(), kept_in=kept_in, clock=clock)


def mint(made: Tokens, *, authorization: str = BASIC, peer: str = "127.0.0.1") -> str:
    return str(made.mint(headers={"authorization": authorization}, body=GRANT, peer=peer).body["access_token"])


class TestTokens:
    def test_are_minted_by_basic_and_in_the_body(self, served: Served) -> None:
        by_basic = httpx2.post(
            f"{served.server.origin}/api/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(CLIENT_ID, CLIENT_SECRET),
        )
        assert by_basic.status_code == 200
        assert by_basic.json().keys() == {"access_token", "token_type", "expires_in"}
        assert (by_basic.json()["token_type"], by_basic.json()["expires_in"]) == ("Bearer", 3600)
        for token in (by_basic.json()["access_token"], served.token()):
            with served.bearer(token) as client:
                assert client.get(served.path("/clusters")).status_code == 200

    @pytest.mark.parametrize(
        ("form", "status", "error"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_id": "mdb_sa_id_nobody"}, 401, "invalid_client"),
            ({"client_id": PUBLIC_KEY, "client_secret": PRIVATE_KEY}, 401, "invalid_client"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ],
    )
    def test_are_refused_as_oauth_does(self, served: Served, form: dict[str, str], status: int, error: str) -> None:
        right = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        answer = served.post("token", right | form)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert "access_token" not in answer.text

    def test_end_with_their_time(self, clock: Clock) -> None:
        made = tokens(clock)
        token = mint(made)
        clock.now += 3599
        assert made.account(token) is not None
        clock.now += 1
        assert made.account(token) is None

    def test_can_be_minted_with_either_secret(self, clock: Clock) -> None:
        second = base64.b64encode(f"{CLIENT_ID}:mdb_sa_sk_second".encode()).decode()
        assert mint(tokens(clock), authorization=f"Basic {second}")

    @pytest.mark.parametrize("authorization", ["Basic !!!", "Basic " + base64.b64encode(b"\xff").decode(), "Basic"])
    def test_need_readable_credentials(self, clock: Clock, authorization: str) -> None:
        answer = tokens(clock).mint(headers={"authorization": authorization}, body=GRANT, peer="127.0.0.1")
        assert answer.status == 401

    def test_are_minted_ten_times_a_minute(self, served: Served) -> None:
        for _ in range(10):
            served.token()
        answer = served.post("token", {"client_id": CLIENT_ID})
        assert answer.status_code == 429
        assert answer.json() == {
            "detail": "Resource /api/oauth/token is limited to 10 requests every 1 minutes.",
            "error": 429,
            "errorCode": "RATE_LIMITED",
            "parameters": ["/api/oauth/token", 10, 1],
            "reason": "Too Many Requests",
        }

    def test_are_counted_for_each_address_and_minute(self, clock: Clock) -> None:
        made = tokens(clock)
        for _ in range(10):
            mint(made)
        with pytest.raises(AtlasError):
            mint(made)
        mint(made, peer="127.0.0.2")
        clock.now += 60
        mint(made)

    def test_are_at_most_a_hundred_at_once(self, clock: Clock) -> None:
        made = tokens(clock, settings=Settings(token_mints_per_minute=1000))
        first = mint(made)
        for _ in range(99):
            mint(made)
        answer = made.mint(headers={"authorization": BASIC}, body=GRANT, peer="127.0.0.1")
        assert (answer.status, answer.body["error"]) == (403, "access_denied")
        assert answer.body["error_description"].startswith("Access Token limit reached.")
        made.revoke(headers={"authorization": BASIC}, body=f"token={first}".encode())
        assert mint(made)

    def test_make_room_when_they_end(self, clock: Clock) -> None:
        made = tokens(clock, settings=Settings(live_tokens=1))
        mint(made)
        clock.now += 3600
        assert mint(made)

    def test_are_revoked(self, served: Served) -> None:
        token = served.token()
        form = {"token": token, "token_type_hint": "access_token"}
        assert served.post("revoke", form, auth=(CLIENT_ID, "wrong")).status_code == 401
        with served.bearer(token) as client:
            assert client.get(served.path("/clusters")).status_code == 200
            assert served.post("revoke", form, auth=(CLIENT_ID, CLIENT_SECRET)).status_code == 200
            assert served.post("revoke", form, auth=(CLIENT_ID, CLIENT_SECRET)).status_code == 200
            refused = client.get(served.path("/clusters"))
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'

    def test_are_not_gotten(self, served: Served) -> None:
        with served.client() as client:
            assert client.get("/api/oauth/token").status_code == 405

    def test_outlive_a_restart_but_are_not_written_down(self, clock: Clock, tmp_path: Path) -> None:
        kept_in = tmp_path / "tokens.json"
        token = mint(tokens(clock, kept_in=kept_in))
        again = tokens(clock, kept_in=kept_in)
        found = again.account(token)
        assert found is not None
        assert found.key == CLIENT_ID
        assert token not in kept_in.read_text()
        assert kept_in.stat().st_mode & 0o077 == 0
        again.void()
        assert tokens(clock, kept_in=kept_in).account(token) is None


class TestDigest:
    def test_is_asked_for_as_atlas_does(self, served: Served) -> None:
        with served.client() as client:
            answer = client.get(served.path("/clusters"))
        assert answer.status_code == 401
        assert re.fullmatch(
            r'Digest realm="MMS Public API", domain="", nonce="[\w+/=]+", algorithm=MD5, qop="auth", stale=false',
            answer.headers["WWW-Authenticate"],
        )
        assert answer.json() == {
            "error": 401,
            "reason": "Unauthorized",
            "detail": "You are not authorized for this resource.",
            "errorCode": "UNEXPECTED_ERROR",
        }
        assert answer.text.startswith("{\n")

    def test_signs_in_and_reuses_its_nonce(self, served: Served) -> None:
        with served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as client:
            for number in range(3):
                answer = client.post(served.path("/accessList?pretty=true"), json={"name": str(number)})
                assert answer.status_code == 201
                assert len(answer.history) == (1 if number == 0 else 0)
        assert served.shelf.names == ["0", "1", "2"]

    def test_covers_encoded_paths(self, served: Served) -> None:
        with served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as client:
            answer = client.get(served.path("/databaseUsers/$external/a%2Fb%20c"))
        assert answer.json()["username"] == "a/b c"

    @pytest.mark.parametrize(
        ("public", "private"), [(PUBLIC_KEY, "wrong"), ("nobody", PRIVATE_KEY), (CLIENT_ID, CLIENT_SECRET)]
    )
    def test_refuses_who_is_not_it(self, served: Served, public: str, private: str) -> None:
        with served.client(auth=httpx2.DigestAuth(public, private)) as client:
            assert client.get(served.path("/clusters")).status_code == 401

    def test_signs_one_call_only_once(self, clock: Clock) -> None:
        digest = Digest(accounts=accounts(), clock=clock)
        signed = signature(digest.challenge())
        assert digest.account(method="GET", target="/a?b=c", authorization=signed).key == PUBLIC_KEY
        with pytest.raises(Unauthenticated) as caught:
            digest.account(method="GET", target="/a?b=c", authorization=signed)
        assert "stale=true" in caught.value.challenge

    def test_signs_with_or_without_the_query(self, clock: Clock) -> None:
        digest = Digest(accounts=accounts(), clock=clock)
        signed = signature(digest.challenge(), uri="/a")
        assert digest.account(method="GET", target="/a?b=c", authorization=signed).key == PUBLIC_KEY

    @pytest.mark.parametrize(("method", "target"), [("DELETE", "/a?b=c"), ("GET", "/other"), ("GET", "/a?b=d")])
    def test_signs_method_and_path(self, clock: Clock, method: str, target: str) -> None:
        digest = Digest(accounts=accounts(), clock=clock)
        with pytest.raises(Unauthenticated):
            digest.account(method=method, target=target, authorization=signature(digest.challenge()))

    def test_knows_only_its_own_nonces_for_five_minutes(self, clock: Clock) -> None:
        digest = Digest(accounts=accounts(), clock=clock)
        signed = signature(digest.challenge())
        clock.now += 300
        unreadable = signed.replace("response=", 'response="é", was=')
        for authorization in (signed, signature('Digest nonce="foreign"'), unreadable, "nonsense"):
            with pytest.raises(Unauthenticated):
                digest.account(method="GET", target="/a?b=c", authorization=authorization)


def test_an_account_with_an_access_list_calls_only_from_there_but_mints_anywhere(served: Served) -> None:
    served.give(CLIENT_ID, addresses=("192.0.2.0/24",))
    token = served.token()
    with served.bearer(token) as client:
        refused = client.get(served.path("/clusters"))
        served.give(CLIENT_ID, addresses=("192.0.2.0/24", "127.0.0.1"))
        allowed = client.get(served.path("/clusters"))
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST")
    assert refused.json()["parameters"] == ["127.0.0.1"]
    assert allowed.status_code == 200


def signature(challenge: str, *, uri: str = "/a?b=c") -> str:
    """What a client sends for GET of that."""
    found = re.search(r'nonce="([^"]*)"', challenge)
    assert found is not None
    nonce = found[1]
    who = hashlib.md5(f"{PUBLIC_KEY}:MMS Public API:{PRIVATE_KEY}".encode(), usedforsecurity=False).hexdigest()
    what = hashlib.md5(f"GET:{uri}".encode(), usedforsecurity=False).hexdigest()
    both = hashlib.md5(f"{who}:{nonce}:00000001:abc:auth:{what}".encode(), usedforsecurity=False).hexdigest()
    return (
        f'username="{PUBLIC_KEY}", realm="MMS Public API", nonce="{nonce}", uri="{uri}", algorithm=MD5, '
        f'response="{both}", qop=auth, nc=00000001, cnonce="abc"'
    )
