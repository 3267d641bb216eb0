"""Guards how one connects whom others vouch for: the right mechanism, always TLS, and no place for a secret of ours."""

from __future__ import annotations

import shlex

import pytest
from pymongo import uri_parser

from accessrequests.domain import vouching
from accessrequests.domain.connecting import Place

PLACE = Place(["a.example:27017"], {"replicaSet": "rs0"}, cluster="main")
NAME = 'cn=it\'s "odd",dc=example'


@pytest.mark.parametrize(
    ("method", "mechanism"), [("aws_iam", "MONGODB-AWS"), ("oidc", "MONGODB-OIDC"), ("ldap", "PLAIN")]
)
def test_the_address_says_how_one_signs_in(method: str, mechanism: str) -> None:
    address = vouching.address(place=PLACE, method=method)

    assert "authSource=%24external" in address
    assert f"authMechanism={mechanism}" in address
    assert "tls=true" in address
    assert (
        uri_parser.parse_uri(address.replace(mechanism, "MONGODB-X509"), warn=False)["options"]["replicaSet"] == "rs0"
    )


@pytest.mark.parametrize("method", ["aws_iam", "oidc", "ldap"])
@pytest.mark.parametrize("is_group", [True, False])
def test_no_way_lets_a_name_break_out_or_names_a_password(method: str, is_group: bool) -> None:
    ways = vouching.ways_to_connect(place=PLACE, method=method, name=NAME, is_group=is_group)

    by_key = {way.key: way for way in ways}
    assert list(by_key) == ["mongosh", "compass", "python", "env"]
    assert shlex.split(by_key["mongosh"].text)[:2] == ["mongosh", vouching.address(place=PLACE, method=method)]
    compile(by_key["python"].text, "snippet", "exec")
    assert "PASSWORD" not in by_key["env"].text
    if method == "ldap":
        assert shlex.split(by_key["mongosh"].text)[2:] == ["--username", "YOUR NAME" if is_group else NAME]


def test_who_looks_for_a_password_is_told_where_to_go_instead() -> None:
    said = vouching.how(method="oidc", name="id/analysts", is_group=True, places=[PLACE])
    assert said.startswith("There is no password to this: sign in with OIDC as a member of id/analysts")
    assert f"Connect to {vouching.address(place=PLACE, method='oidc')}." in said

    assert "has not said yet" in vouching.how(method="aws_iam", name="arn", is_group=False, places=[])
