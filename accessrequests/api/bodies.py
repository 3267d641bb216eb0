"""What callers send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Length, Moment, Number, OneOf, Strict, Text, Texts, YesNo
from accessrequests.domain.external import LONGEST
from accessrequests.domain.role_definitions import MOST_LINES
from accessrequests.operations.access_reviews import NAME_MAXIMUM
from accessrequests.operations.bundles import FEWEST as FEWEST_TOGETHER
from accessrequests.operations.bundles import MOST as MOST_TOGETHER
from accessrequests.queries.ask_fields import MOST_ADDRESSES, REASON_MAXIMUM
from accessrequests.queries.asks import MOST_CLUSTERS, Asked
from accessrequests.queries.comments import LONGEST as LONGEST_COMMENT
from accessrequests.queries.roles_asked import MOST_ROLES

LARGEST_REVISION = 2**31 - 1
LARGEST_ID = 2**63 - 1
MOST_TARGETS_REVIEWED = 500


class Ask(Strict):
    """Access that somebody wants for a while."""

    target = Text(max_length=64, help_text="The slug of a target: GET targets/.")
    kind = OneOf(words.KINDS, help_text="What is made. A target says what it offers.")
    roles = Texts(
        child=Text(max_length=400),
        min_length=1,
        max_length=MOST_ROLES,
        help_text="Each role@database, or role@database.collection for one collection: GET targets/{slug}/roles/. "
        "Single actions may stand in place of the role: find,insert@shop.orders. "
        "Project roles as the target offers them.",
    )
    database_user = Text(
        required=False,
        max_length=1100,
        allow_blank=True,
        help_text="Of a role_grant: the database user that gets the roles, as name@database.",
    )
    principal = Text(
        required=False,
        max_length=LONGEST,
        allow_blank=True,
        help_text="Who signs in with aws_iam (an ARN), oidc (provider's id/group or user) or ldap (a distinguished name): "
        "one that the catalogue declares as yours, or as of a service or group of yours.",
    )
    duration = Length(help_text="How long it may be used, counted from the start of provisioning.")
    reason = Text(max_length=REASON_MAXIMUM, help_text="Why. Those who decide read it.")
    authentication = OneOf(words.METHODS, required=False, help_text="How the person will sign in; scram by default.")
    clusters = Texts(
        child=Text(max_length=100),
        required=False,
        max_length=MOST_CLUSTERS,
        help_text="Which clusters it may reach, where the target has some: GET targets/{slug}/. None means all of them.",
    )
    source_addresses = Texts(
        child=Text(max_length=100),
        required=False,
        max_length=MOST_ADDRESSES,
        help_text="Addresses or CIDR blocks from which the access may be used; anywhere when left out.",
    )
    grantee = Text(required=False, max_length=64, help_text="Who gets the access; yourself when left out.")
    starts_at = Moment(required=False, allow_null=True, help_text="When it shall start; at once when left out.")
    ticket = Text(required=False, max_length=200, allow_blank=True, help_text="A ticket that this is about.")


class Asks(Strict):
    """The same need on several targets: one request each."""

    asks = serializers.ListField(
        child=Ask(), min_length=FEWEST_TOGETHER, max_length=MOST_TOGETHER, help_text="Filed together, or not at all."
    )


def asked(fields: dict[str, Any]) -> Asked:
    """What `Ask` read, as the queries and operations take it."""
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Asked(**plain)


class Answers(Strict):
    """What was answered so far of "What do you need to do?"; `key` of a question names the field of its answer."""

    plane = Text(required=False, max_length=100, help_text="data or project.")
    who = Text(required=False, max_length=100, help_text="me or service.")
    do = Text(required=False, max_length=100, help_text="read, change, action or administer.")
    reach = Text(required=False, max_length=100, help_text="collection or database.")
    action = Text(required=False, max_length=400, help_text="A single action.")
    target = Text(required=False, max_length=64, help_text="The slug of a target.")
    login = Text(required=False, max_length=1100, help_text="A login that stands there, as name@database.")
    role = Text(required=False, max_length=400, help_text="A role that administers, or a project role.")
    place = Text(required=False, max_length=400, help_text="A database, or database.collection.")
    cluster = Text(required=False, max_length=100, help_text="A cluster of the target.")
    length = Text(required=False, max_length=40, help_text="How long, like PT2H.")


class Edit(Strict):
    """What shall be different. What is left out stays as it is."""

    revision = Number(min_value=1, max_value=LARGEST_REVISION, help_text="The revision of the request that you read.")
    roles = Texts(child=Text(max_length=400), required=False, min_length=1, max_length=MOST_ROLES)
    duration = Length(required=False)
    reason = Text(required=False, max_length=REASON_MAXIMUM)
    authentication = OneOf(words.METHODS, required=False)
    principal = Text(required=False, max_length=LONGEST, allow_blank=True)
    clusters = Texts(child=Text(max_length=100), required=False, max_length=MOST_CLUSTERS)
    source_addresses = Texts(child=Text(max_length=100), required=False, max_length=MOST_ADDRESSES)
    starts_at = Moment(required=False, allow_null=True, help_text="At once when null.")
    ticket = Text(required=False, max_length=200, allow_blank=True)


def changes(fields: dict[str, Any]) -> dict[str, Any]:
    """What `Edit` read but for the revision, as fields of an ask."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items() if name != "revision"
    }


class BreakGlass(Ask):
    """Access in an emergency: what is asked, and what makes sure of it."""

    incident = Text(max_length=200, help_text="The incident that this is for, like INC-884.")
    confirm_target = Text(max_length=64, help_text="The slug of the target once more.")
    second_factor = Text(max_length=20, help_text="The code that your app shows now, or a recovery code.")
    is_drill = YesNo(required=False, help_text="Nothing is wrong: the way is tried. False when left out.")


class Review(Strict):
    """What was found of a break-glass."""

    finding = OneOf(words.FINDINGS, help_text="A real emergency, a drill, or misuse.")
    note = Text(max_length=REASON_MAXIMUM, help_text="What was done, and how you know it.")


class Approval(Strict):
    """A yes to a request as it was read."""

    revision = Number(min_value=1, max_value=LARGEST_REVISION, help_text="The revision of the request that you read.")
    comment = Text(required=False, max_length=REASON_MAXIMUM, allow_blank=True, help_text="For the requester to read.")
    duration = Length(required=False, help_text="A shorter time than was asked for. Nobody can lengthen it.")


class Read(Strict):
    """A request, as it was read."""

    id = Number(min_value=1, max_value=LARGEST_ID)
    revision = Number(min_value=1, max_value=LARGEST_REVISION)


class ApprovalOfSeveral(Strict):
    """A yes to several requests that were asked together."""

    requests = serializers.ListField(child=Read(), min_length=1, max_length=MOST_TOGETHER)
    comment = Text(required=False, max_length=REASON_MAXIMUM, allow_blank=True, help_text="For the requester to read.")


class DenialOfSeveral(Strict):
    """A no to several requests that were asked together."""

    requests = serializers.ListField(child=Read(), min_length=1, max_length=MOST_TOGETHER)
    reason = Text(max_length=REASON_MAXIMUM, help_text="Why, so that the requester knows what to ask for instead.")


def revisions(requests: Sequence[Mapping[str, int]]) -> dict[int, int]:
    """The revision of each request, by its id."""
    return {one["id"]: one["revision"] for one in requests}


class Denial(Strict):
    """A no to a request as it was read."""

    revision = Number(min_value=1, max_value=LARGEST_REVISION, help_text="The revision of the request that you read.")
    reason = Text(max_length=REASON_MAXIMUM, help_text="Why, so that the requester knows what to ask for instead.")


class Comment(Strict):
    """A few words to the others."""

    text = Text(max_length=LONGEST_COMMENT, help_text="Plain text. Everybody who may see the request reads it.")


class RoleChange(Strict):
    """A change of a custom role that somebody wants."""

    change = OneOf(words.CHANGE_KINDS, help_text="What shall become of it.")
    role = Text(max_length=128, help_text="Its name. Letters, digits, dashes and underscores.")
    privileges = Texts(
        child=Text(max_length=1000),
        required=False,
        max_length=MOST_LINES,
        help_text="What it shall allow by itself, all of it: find,insert@shop.orders, find@shop, find@* (every database), "
        "serverStatus@$cluster. Nothing of it for a delete.",
    )
    inherits = Texts(
        child=Text(max_length=200),
        required=False,
        max_length=MOST_LINES,
        help_text="Roles whose permissions it shall have too: read@shop, or another custom role, as other@admin.",
    )
    reason = Text(max_length=REASON_MAXIMUM, help_text="Why. Those who decide read it.")


class RoleApproval(Strict):
    """A yes to a change of a custom role as it was read."""

    revision = Number(min_value=1, max_value=LARGEST_REVISION, help_text="The revision of the change that you read.")
    comment = Text(required=False, max_length=REASON_MAXIMUM, allow_blank=True, help_text="For the proposer to read.")


class Revocation(Strict):
    """Why somebody else's access ends."""

    reason = Text(max_length=REASON_MAXIMUM, help_text="Why it ends. Its holder reads it.")


class Extension(Strict):
    """More time for a live access."""

    duration = Length(help_text="By how much its end shall move. The whole counts against the policy's total.")
    reason = Text(max_length=REASON_MAXIMUM, help_text="Why it is needed for longer. Those who decide read it.")


class ReviewStart(Strict):
    """A review of access to be."""

    name = Text(max_length=NAME_MAXIMUM, help_text="Those who review and the auditor read it.")
    environments = Texts(child=Text(max_length=32), required=False, max_length=MOST_ROLES)
    targets = Texts(
        child=Text(max_length=64),
        required=False,
        max_length=MOST_TARGETS_REVIEWED,
        help_text="Slugs, beside every target of the environments. Neither of both: every target.",
    )
    reviewers = Texts(
        child=Text(max_length=64),
        required=False,
        max_length=MOST_ROLES,
        help_text="Groups that answer; those who own each target when left out.",
    )
    due_at = Moment(help_text="Until when answers are wanted: an hour to a year from now.")


class ReviewAnswering(Strict):
    """What becomes of one access."""

    answer = OneOf(words.REVIEW_ANSWERS, help_text="reduce ends a grant, and tells its holder to ask for less.")
    reason = Text(
        required=False, max_length=REASON_MAXIMUM, allow_blank=True, help_text="Needed to end or reduce something."
    )


class ReviewCancel(Strict):
    """Giving a review up."""

    reason = Text(max_length=REASON_MAXIMUM, help_text="Why it is never finished, for the auditor to read.")


class ReviewSignOff(Strict):
    """The last word on a review."""

    note = Text(required=False, max_length=REASON_MAXIMUM, allow_blank=True, help_text="For the auditor to read.")


class Nothing(Strict):
    """No body, or an empty object."""
