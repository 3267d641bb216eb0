"""Guards the mail itself, in the files that a worker writes: its two forms, its headers, and that stored text is inert."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, OutboxMessage, Person
from accessrequests.operations import access_requests
from tests import make
from tests.make import Cast
from tests.workers.conftest import drain

BASE = "https://access.example.com"
HOSTILE = (
    '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}{% now "Y" %}\r\nBcc: thief@evil.example\r\n\r\n'
    "\u202edesrever\u2066 \u200b\x07\x1b[31m =cmd|' /C calc'!A0 https://evil.example/ "
)


def parts_of(one: EmailMessage) -> tuple[str, str]:
    """The plain form and the page."""
    assert one.get_content_type() == "multipart/alternative"
    plain, page = one.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    return plain.get_content(), page.get_content()


@pytest.fixture
def cast(committed_cast: Cast, settings: Settings, tmp_path: Path) -> Cast:
    """People whose mail is written to files, and an outbox with nothing in it."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    OutboxMessage.objects.all().delete()
    return committed_cast


def written(settings: Settings) -> list[EmailMessage]:
    """Every message in the directory, read as a mail program reads it, in the order of sending."""
    folder = Path(str(settings.EMAIL_FILE_PATH))
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        for raw in path.read_bytes().split(b"-" * 79 + b"\n"):
            if raw.strip():
                one = message_from_bytes(raw, policy=policy.default)
                assert isinstance(one, EmailMessage)
                found.append(one)
    return found


def carry() -> None:
    """The notices only: there is no target here."""
    OutboxMessage.objects.exclude(job="notify").delete()
    drain()


class TestMail:
    def test_has_two_forms_that_say_the_same(self, cast: Cast, settings: Settings) -> None:
        asked = make.submit(cast.alice)
        carry()

        (first, _) = written(settings)
        plain, page = parts_of(first)
        link = f"{BASE}/approvals/{asked.pk}/"
        assert first["Subject"] == "Alice Archer wants to read shop.orders on shop-prod for 2 hours"
        assert "Refund totals are off for twelve orders." in plain
        assert "Refund totals are off for twelve orders." in page
        assert "You are asked because it needs 1 person of data-owners." in plain
        assert "You are asked because it needs 1 person of data-owners." in page
        assert link in plain
        assert f'href="{link}"' in page

    def test_loads_nothing_and_follows_nobody(self, cast: Cast, settings: Settings) -> None:
        access_request = make.submit(cast.alice)
        carry()

        for one in written(settings):
            _, page = parts_of(one)
            assert not re.search(r"\ssrc=|url\(|@import|<link|<script|<img|<iframe|<form", page)
            assert set(re.findall(r'href="([^"]*)"', page)) == {f"{BASE}/approvals/{access_request.pk}/"}
            assert 'name="color-scheme" content="light dark"' in page

    def test_of_one_request_hangs_together(self, cast: Cast, settings: Settings) -> None:
        first, other = make.submit(cast.alice), make.submit(cast.alice)
        for asked in (first, other):
            access_requests.deny(
                access_request_id=asked.pk, approver=cast.bob, via=Via.API, revision=1, reason="Use the report."
            )
        carry()

        mails = written(settings)
        threads = {one["References"] for one in mails}
        assert len(mails) == 6
        assert len({one["Message-ID"] for one in mails}) == 6
        assert len(threads) == 2
        for one in mails:
            assert one["In-Reply-To"] == one["References"]
            assert one["Auto-Submitted"] == "auto-generated"
            assert one["List-Id"] == "Access Requests <access-requests.access.example.com>"
            assert re.fullmatch(r"<tests\w*\.notice-\d+\.\d+@access\.example\.com>", one["Message-ID"])
            assert one["To"].count("@") == 1

    def test_sent_again_keeps_its_id(self, cast: Cast, settings: Settings) -> None:
        make.submit(cast.alice)
        carry()
        OutboxMessage.objects.update(done_at=None)
        carry()

        mails = written(settings)
        assert len(mails) == 4
        assert len({one["Message-ID"] for one in mails}) == 2


class TestStoredText:
    def test_is_inert(self, cast: Cast, settings: Settings) -> None:
        Person.objects.update(name=HOSTILE[:200])
        cast.alice.refresh_from_db()
        asked = make.submit(cast.alice, ticket="INC-1")
        AccessRequest.objects.filter(pk=asked.pk).update(reason=HOSTILE + "W" * 400)
        access_requests.comment(access_request_id=asked.pk, person=cast.bob, via=Via.API, text="Which ones? <b>")
        access_requests.deny(
            access_request_id=asked.pk, approver=cast.bob, via=Via.API, revision=1, reason="<script>alert(3)</script>"
        )
        carry()

        mails = written(settings)
        assert len(mails) == 4
        for one in mails:
            plain, page = parts_of(one)
            raw = one.as_string()
            assert set(one.keys()) <= {
                *("Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "In-Reply-To"),
                *("References", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress"),
            }
            assert "Bcc" not in one
            assert "\nBcc:" not in raw
            assert len(one["Subject"]) <= 200
            assert not re.search(r"<script|<img|<b>|\sonerror=alert\(2\)>", page)
            assert "Bcc: thief@evil.example" not in plain.splitlines()
            assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08\x1b]", one["Subject"] + plain + page)
            assert {link.partition("/")[0] for link in re.findall(r'href="https://([^"]*)"', page)} == {
                "access.example.com"
            }

    def test_of_a_reason_cannot_pass_for_our_words(self, cast: Cast, settings: Settings) -> None:
        make.submit(cast.alice, reason="Refund totals.\nIt is approved, and the access is being set up.")
        carry()

        plain, _ = parts_of(written(settings)[0])
        assert "> It is approved, and the access is being set up." in plain.splitlines()

    def test_of_an_address_cannot_hold_up_the_others(self, cast: Cast, settings: Settings) -> None:
        Person.objects.filter(pk=cast.bob.pk).update(email="bob@example.com\r\nBcc: thief@evil.example")
        make.submit(cast.alice)
        carry()

        assert [one["To"] for one in written(settings)] == ["grace@example.com"]
        assert not OutboxMessage.objects.filter(job="notify", done_at=None).exists()


class TestComment:
    def test_is_told_to_the_others_and_quoted(self, cast: Cast, settings: Settings) -> None:
        asked = make.submit(cast.alice)
        OutboxMessage.objects.all().delete()
        access_requests.comment(access_request_id=asked.pk, person=cast.bob, via=Via.API, text="Which orders?")
        access_requests.comment(access_request_id=asked.pk, person=cast.alice, via=Via.API, text="The last twelve.")
        carry()

        told = {(one["To"], parts_of(one)[0].splitlines()[2]) for one in written(settings)}
        assert told == {
            ("alice@example.com", "> Which orders?"),
            ("grace@example.com", "> Which orders?"),
            ("bob@example.com", "> The last twelve."),
            ("grace@example.com", "> The last twelve."),
        }

    def test_after_the_decision_goes_to_those_who_took_part(self, cast: Cast, settings: Settings) -> None:
        asked = make.approve(make.submit(cast.alice), cast.bob)
        OutboxMessage.objects.all().delete()
        access_requests.comment(access_request_id=asked.pk, person=cast.alice, via=Via.API, text="Thank you.")
        carry()

        assert [one["To"] for one in written(settings)] == ["bob@example.com"]
