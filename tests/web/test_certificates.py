"""Guards a certificate in the portal: shown once as text and as a file that needs no JavaScript, and never made again."""

from __future__ import annotations

import base64
import html
import re

from accessrequests.domain.naming import subject_of
from accessrequests.models import Grant
from tests import make
from tests.make import Cast
from tests.web.browser import heading_of, signed_in, text_of

PEM = "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"


def live(cast: Cast) -> Grant:
    return make.activated(make.granted_by_certificate(cast.alice, cast.bob), certificate=PEM)


def test_is_shown_once_as_text_and_as_a_file(cast: Cast) -> None:
    grant, browser = live(cast), signed_in(cast.alice)
    page = f"/access/{grant.pk}/"

    answer = browser.press(page, action=f"{page}reveal/")

    shown = html.unescape(text_of(answer))
    assert (answer.status_code, heading_of(answer)) == (200, "The certificate, this once")
    assert "no-store" in answer["Cache-Control"]
    assert shown.count("canary") == 1
    saved = re.search(r'href="data:application/x-pem-file;base64,([^"]+)"\s+download="([^"]+)"', shown)
    assert saved
    assert base64.b64decode(saved[1]).decode() == PEM
    assert saved[2] == f"{grant.username}.pem"
    assert subject_of(grant.username) in shown
    assert f"--tlsCertificateKeyFile {grant.username}.pem" in shown
    again = browser.post(f"{page}reveal/")
    assert again.status_code == 410
    assert "canary" not in text_of(again)


def test_its_page_offers_no_new_one_and_says_who_ends_it(cast: Cast) -> None:
    grant, browser = live(cast), signed_in(cast.alice)
    page = f"/access/{grant.pk}/"
    before = text_of(browser.get(page))
    assert "Reveal certificate" in before
    assert f"{page}rotate/" not in before

    browser.press(page, action=f"{page}reveal/")

    after = html.unescape(" ".join(text_of(browser.get(page)).split()))
    assert "is kept nowhere" in after
    assert "It is never made again" in after
    assert "has no end of its own for who signs in with an X.509 certificate: only we end it." in after
    assert "was shown the certificate, once" in after
    assert browser.post(f"{page}rotate/").status_code == 410
    assert "is shown the certificate.</p>" in " ".join(text_of(signed_in(cast.bob).get(page)).split())


def test_unread_it_says_how_one_gets_another(cast: Cast) -> None:
    grant = live(cast)
    grant.credential.state, grant.credential.sealed = "erased", None
    grant.credential.save()

    page = " ".join(text_of(signed_in(cast.alice).get(f"/access/{grant.pk}/")).split())

    assert "Nobody read the certificate in time, so it was erased." in page
