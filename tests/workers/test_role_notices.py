"""Guards notices about changes of custom roles: who is told when one ends without having been decided."""

from __future__ import annotations

from django.core import mail

from accessrequests.domain.events import Job, Via
from accessrequests.models import CustomRoleChange, Person
from accessrequests.operations import custom_roles
from tests import make, roles
from tests.make import Cast
from tests.workers.rows import carry

TITLE = f"Alice Archer wants to change the role reporting on {roles.SLUG}"


def told(change: CustomRoleChange) -> dict[str, str]:
    """Subjects by name, of what the newest notice sends."""
    mail.outbox.clear()
    carry(Job.NOTIFY, str(change))
    return {message.to[0].partition("@")[0]: str(message.subject) for message in mail.outbox}


def proposed(cast: Cast) -> CustomRoleChange:
    """Filed, and those who decide know of it."""
    change = roles.propose(cast.alice)
    assert told(change) == {"bob": f"Proposed: {TITLE}", "grace": f"Proposed: {TITLE}"}
    return change


def cancel(change: CustomRoleChange, person: Person) -> CustomRoleChange:
    return custom_roles.cancel(change_id=change.pk, person=person, via=Via.WEB)


def test_whoever_proposed_it_is_told_that_it_lapsed(committed_cast: Cast) -> None:
    roles.project()
    change = proposed(committed_cast)
    assert "Without an answer it lapses at" in mail.outbox[0].body
    custom_roles.expire(change_id=change.pk, latest=change.lapses_at)

    assert told(change) == {"alice": f"Lapsed: {TITLE}"}
    assert "Nobody answered in time, so it has lapsed. Nothing was changed." in mail.outbox[0].body


def test_all_are_told_what_became_void(committed_cast: Cast) -> None:
    roles.project()
    change = proposed(committed_cast)
    make.apply("alice", groups=["auditors"])

    assert told(change) == dict.fromkeys(("alice", "bob", "grace"), f"Void: {TITLE}")
    assert "It is void: Rule " in mail.outbox[0].body


def test_whoever_took_it_back_is_not_told_that(committed_cast: Cast) -> None:
    roles.project()
    subject = f"Taken back: {TITLE}"

    assert told(cancel(proposed(committed_cast), committed_cast.alice)) == {"bob": subject, "grace": subject}
    by_erin = told(cancel(proposed(committed_cast), committed_cast.erin))
    assert by_erin == {"alice": subject, "bob": subject, "grace": subject}
