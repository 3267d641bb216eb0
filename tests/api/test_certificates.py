"""Guards a certificate over the API: in a field of its own, once, and refused where a new password would be made."""

from __future__ import annotations

from accessrequests.domain.naming import subject_of
from tests import make
from tests.api.caller import Caller
from tests.make import Cast

PEM = "-----BEGIN CERTIFICATE-----\ncanary\n"


def test_is_revealed_once_and_never_made_again(cast: Cast) -> None:
    grant = make.activated(make.granted_by_certificate(cast.alice, cast.bob), certificate=PEM)
    caller, path = Caller(cast.alice), f"grants/{grant.pk}/"
    assert caller.get(path).json()["credential"] == "ready"

    shown = caller.post(f"{path}reveal/").json()
    again = caller.post(f"{path}reveal/")
    renewed = caller.post(f"{path}rotate/")

    assert set(shown) == {"username", "certificate", "certificate_ends_at", "connection_string", "expires_at"}
    assert (shown["username"], shown["certificate"]) == (subject_of(grant.username), PEM)
    assert "authMechanism=MONGODB-X509" in shown["connection_string"]
    for answer in (again, renewed):
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
        assert "once for each access" in answer.json()["detail"]
