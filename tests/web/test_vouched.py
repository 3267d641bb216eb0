"""Guards what is shown where others vouch for who signs in: whose it is, who else gets it, how to connect, and no secret."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import extensions
from tests import make
from tests.api.caller import Caller
from tests.make import Cast
from tests.web.asking import live_part, press
from tests.web.browser import signed_in, text_of

PAGE = "/request/?target=ecommerce-prod&role=read@shop.orders"
GROUP = "65d9c1b7c5f5f1f4f7a5e111/analysts"
ROLE = "arn:aws:iam::123456789012:role/nightly-export"
EVERYONE = "Analysts is a group: everyone in the group gets it, and everyone loses it at the end."
METHODS = ("scram", "aws_iam", "oidc")


@pytest.fixture(autouse=True)
def target(cast: Cast) -> None:
    principals = {
        GROUP: {"method": "oidc", "group": "Analysts", "members": ["alice", "grace"]},
        ROLE: {"method": "aws_iam", "service": "nightly-export", "owners": ["alice"]},
    }
    make.make_atlas(authentication=METHODS, principals=principals)
    make.publish_rules(make.rule("all", authentication=list(METHODS)))


def plain(answer: Any) -> str:
    return html.unescape(" ".join(text_of(answer).split()))


def granted(cast: Cast, name: str, method: str) -> Grant:
    filed = make.submit_to_atlas(cast.alice, authentication=method, principal=name)
    return make.activated(Grant.objects.get(access_request=make.approve(filed, cast.bob)))


def test_the_form_says_what_is_ones_own_and_takes_the_only_one_for_granted(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    page = plain(browser.get(PAGE))
    assert f"Yours here: {GROUP}, {ROLE}." in page
    assert f'<option value="{ROLE}">AWS IAM.' in page

    live = plain(live_part(browser, PAGE, clusters="orders", authentication="oidc", principal=GROUP))
    assert EVERYONE in live
    assert f"Nothing is revealed: {GROUP} signs in with OIDC" in live
    assert "no end of its own for who signs in with OIDC: only we end it." in live

    answer = press(browser, PAGE, clusters="orders", authentication="aws_iam")
    assert answer.status_code == 303
    assert AccessRequest.objects.get().named_by_others == ROLE
    assert "does not declare" in plain(
        press(browser, PAGE, clusters="orders", authentication="aws_iam", principal=f"{ROLE}s")
    )


def test_who_decides_reads_that_it_is_a_group(cast: Cast) -> None:
    filed = make.submit_to_atlas(cast.alice, authentication="oidc", principal=GROUP)

    page = plain(signed_in(cast.bob).get(f"/requests/{filed.pk}/"))
    assert EVERYONE in page
    assert f"With OIDC as {GROUP}" in page
    assert "only we end it" in page


def test_the_access_says_how_to_connect_and_has_nothing_to_reveal(cast: Cast) -> None:
    grant = granted(cast, ROLE, "aws_iam")

    holder = signed_in(cast.alice)
    pages = [plain(holder.get(path)) for path in ("/access/", f"/access/{grant.pk}/")]
    for page in pages:
        assert "authMechanism=MONGODB-AWS" in page
        assert f'sign in with AWS IAM as <span class="mono">{ROLE}</span>' in page
        assert "Reveal" not in page
    assert "no end of its own for who signs in with AWS IAM: only we end it." in pages[-1]

    why = "The batch is larger than we thought."
    extensions.ask(grant_id=grant.pk, holder=cast.alice, via=Via.API, duration=timedelta(hours=1), reason=why)
    longer = AccessRequest.objects.get(extends=grant)
    assert "only we end it" in plain(signed_in(cast.bob).get(f"/requests/{longer.pk}/"))


def test_over_the_api_the_name_is_posted_and_shown_and_no_password_comes(cast: Cast) -> None:
    caller = Caller(cast.alice)
    posted = {
        "target": "ecommerce-prod",
        "kind": "database_user",
        "roles": ["read@shop.orders"],
        "clusters": ["orders"],
        "source_addresses": ["192.0.2.7"],
        "duration": "PT1H",
        "reason": "The nightly export has stopped.",
        "authentication": "aws_iam",
    }
    filed = caller.post("access-requests/", {**posted, "principal": ROLE})
    assert filed.status_code == 201, filed.content
    assert (filed.json()["principal"], filed.json()["database_user"]) == (ROLE, "")
    refused = caller.post("access-requests/", {**posted, "principal": GROUP})
    assert refused.status_code == 422
    assert "Write the ARN" in refused.json()["errors"]["principal"][0]

    grant = granted(cast, GROUP, "oidc")
    assert caller.get(f"grants/{grant.pk}/").json()["username"] == GROUP
    answer = caller.post(f"grants/{grant.pk}/reveal/")
    assert answer.status_code == 409
    assert "as a member of" in answer.json()["detail"]
    assert "authMechanism=MONGODB-OIDC" in answer.json()["detail"]
