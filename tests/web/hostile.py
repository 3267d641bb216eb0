"""Text that somebody hostile could have stored, in every place that others fill; and what a browser would do with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, AuditEvent, Grant, Inventory, OutboxMessage, Person, Target
from accessrequests.operations import access_requests, grants, people
from tests import make
from tests.make import Cast
from tests.web.addresses import objects_of
from tests.web.grants import live

REACHED = str(7777 * 7777)  # no template of any kind works it out
UNREADABLE = ("read", "@shop", "a@b@c", "")  # no names of roles
# What any program could take for its own: a sheet, a page, a template. A field takes it, for every mark of it is seen.
SEEN = (
    "=cmd|' /C calc'!A0 <script>alert(1)</script>\"><img src=x onerror=alert(2)>--><svg/onload=alert(4)>"
    "<!--' autofocus onfocus=a x='{{7777*7777}}{% debug %}${7777*7777}#{7777*7777} javascript:alert(5)"
)
UNSEEN = "@SUM(1)\r\nBcc: thief@evil.example\r\nSet-Cookie: a=b safe\u202etxet\u2066 \u200b\u0007\u001b[31m"
# All of it at once: something of each kind stands within the shortest column, and it is as long as it may get.
EVERYTHING = (
    "\"'><img src=x onerror=a>{{7777*7777}}\r\nSet-Cookie: a=b\u202e\u2066\u0007\u001b"
    "<script>alert(1)</script>--><svg/onload=alert(4)><!--' autofocus onfocus=a x='${7777*7777}{% debug %} javascript:alert(5)\u200b"
).ljust(190, "W")


class Dangers(HTMLParser):
    """What a browser would find to run or to fetch on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"iframe", "object", "embed", "base"} or (tag == "script" and not _is_ours(given)):
            self.found.append(f"<{tag}> {given}")
        for name, value in given.items():
            runs = name.startswith("on") or name == "style" or "srcdoc" in name
            leads = name in {"href", "src", "action", "formaction"} and not _is_at_home(value)
            if runs or leads:
                self.found.append(f"{name}={value}")


def _is_ours(given: dict[str, str]) -> bool:
    return given.get("src", "").startswith("/static/") or given.get("type") == "application/json"


def _is_at_home(value: str) -> bool:
    if value.startswith("data:image/svg+xml;base64,"):
        return True  # drawn here, as a picture: what is in a picture does not run
    return not value or (value.startswith(("/", "#", "?")) and not value.startswith(("//", "/\\")))


def plant(cast: Cast, evil: str, *, unreadable: Sequence[str] = ()) -> dict[str, object]:
    """The text in every place that somebody else fills, and names that are no roles' in two requests: what holds them."""
    label = re.sub(r"[^!-~]|[@.]", "", evil)  # no role is read that has hidden marks, or what would split its name
    pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
    denied, revoked = make.submit(cast.alice), live(cast.alice, cast.bob)
    access_requests.comment(access_request_id=pending.pk, person=cast.bob, via=Via.WEB, text="Which ones?")
    access_requests.deny(access_request_id=denied.pk, approver=cast.bob, via=Via.WEB, revision=1, reason="No.")
    grants.revoke(grant_id=revoked.pk, person=cast.bob, via=Via.WEB, reason="Over.")
    grants.note_revocation_failure(grant_id=revoked.pk, sentence=evil)
    token, _ = people.create_token(person=cast.alice, name=evil[:100], scopes=["read"], actor=make.OPERATOR)
    # What an older version, an import or a hand in the database may have left, and no form of today takes.
    Person.objects.update(name=evil)
    Target.objects.update(name=evil, owner=evil[:64], data_classes=[evil])
    for one in AccessRequest.objects.all():
        one.reason = one.ticket = evil
        one.roles = ["read@shop.orders", f"{label}@shop"]
        one.privileges = {**one.privileges, f"{label}@shop": one.privileges["read@shop.orders"]}
        if one.pk in {pending.pk, grant.access_request_id}:
            one.roles = [*unreadable, *one.roles]
        one.save()
    Grant.objects.update(note=evil, last_error=evil)
    OutboxMessage.objects.update(last_error=evil)
    for inventory in Inventory.objects.all():
        known = inventory.roles["read@shop"]
        inventory.roles = {**inventory.roles, f"{label}@shop": known, **dict.fromkeys(unreadable, known)}
        inventory.databases = {"shop": {label: {"documents": 1, "bytes": 1}, "orders": {}}}
        inventory.save()
    last = AuditEvent.objects.order_by("-sequence")[0]
    facts = {"text": evil, "why": evil, "comment": evil, "reason": evil, "target": evil, "name": evil, evil: evil}
    AuditEvent.objects.bulk_create(
        AuditEvent(
            sequence=last.sequence + number,
            at=last.at,
            event=event,
            actor=evil[:64],
            via="api",
            subject=subject,
            facts=facts,
            previous=last.hash,
            hash=last.hash,
        )
        for number, (event, subject) in enumerate(
            [
                ("access_request.commented", str(pending)),
                ("access_request.denied", str(pending)),
                ("grant.attempt_failed", str(grant)),
                ("target.unreachable", "target/shop-prod"),
                ("token.created", "person/alice"),
            ],
            start=1,
        )
    )
    return objects_of(grant=grant, request_id=pending.pk, token=token)
