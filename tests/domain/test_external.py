"""Guards the names that others give: only such as their method knows, each on the database where it belongs."""

from __future__ import annotations

import pytest

from accessrequests.domain import external

PROVIDER = "65d9c1b7c5f5f1f4f7a5e111"


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("aws_iam", "arn:aws:iam::123456789012:user/alice"),
        ("aws_iam", "arn:aws-us-gov:iam::123456789012:role/teams/data.reading+1"),
        ("oidc", f"{PROVIDER}/analysts"),
        ("oidc", f"{PROVIDER}/0b5c-group=of/two"),
        ("ldap", "cn=analysts,ou=groups,dc=example,dc=com"),
        ("ldap", r"CN=Archer\, Alice,OU=People, DC=example, DC=com"),
    ],
)
def test_a_name_as_its_method_writes_it_is_taken(method: str, name: str) -> None:
    assert external.why_no_name(method, name) == ""


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("aws_iam", "arn:aws:iam::123456789012:group/analysts"),
        ("aws_iam", "arn:aws:sts::123456789012:assumed-role/reports/session"),
        ("aws_iam", "arn:aws:iam::12345:role/short"),
        ("aws_iam", "arn:aws:iam::123456789012:role/über"),
        ("oidc", "analysts"),
        ("oidc", f"{PROVIDER}/two words"),
        ("oidc", f"{PROVIDER}/"),
        ("ldap", "analysts"),
        ("ldap", 'cn="analysts",dc=example'),
        ("ldap", "cn=analysts,dc=example,"),
        ("ldap", "cn=ana\nlysts,dc=example"),
        ("ldap", f"cn={'a' * 1024}"),
        ("ldap", ""),
    ],
)
def test_any_other_is_refused_with_one_that_would_do(method: str, name: str) -> None:
    said = external.why_no_name(method, name)

    assert "is not such a name. Write" in said
    example = said.rpartition(", like ")[2].removesuffix(".")
    assert external.why_no_name(method, example) == ""


@pytest.mark.parametrize(
    ("method", "is_group", "database"),
    [
        ("aws_iam", False, "$external"),
        ("oidc", True, "admin"),
        ("oidc", False, "$external"),
        ("ldap", True, "admin"),
        ("ldap", False, "$external"),
    ],
)
def test_groups_are_on_admin_and_all_others_outside(method: str, is_group: bool, database: str) -> None:
    principal = external.principal_of(method, "somebody@example.com", is_group=is_group)

    assert principal == f"somebody@example.com@{database}"
    assert external.name_of(principal) == "somebody@example.com"
    assert external.is_group(method, principal) == is_group
