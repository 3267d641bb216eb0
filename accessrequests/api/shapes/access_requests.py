"""Access requests, verdicts and previews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Length, Moment
from accessrequests.domain import sentences
from accessrequests.domain.events import Event
from accessrequests.models import AccessRequest, Approval, AuditEvent, BreakGlass
from accessrequests.queries import preview, voices


class Step(serializers.Serializer[Any]):
    """So many distinct people of one group must approve."""

    group = serializers.CharField()
    needed = serializers.IntegerField()
    people = serializers.ListField(child=serializers.CharField(), help_text="Who may, but for those who would gain.")


class PolicyName(serializers.Serializer[Any]):
    """Which published policy spoke."""

    name = serializers.CharField()
    version = serializers.IntegerField()


class Verdict(serializers.Serializer[Any]):
    """What the policy says about an ask, and why."""

    allowed = serializers.BooleanField()
    automatic = serializers.BooleanField(help_text="Nobody needs to approve.")
    level = serializers.ChoiceField(words.LEVELS, help_text="How much trust the roles need.")
    steps = Step(many=True, help_text="All of them must be filled; one person fills one slot.")
    maximum = serializers.CharField(allow_null=True, help_text="The longest time, as ISO 8601; null when no rule fits.")
    sentences = serializers.ListField(child=serializers.CharField(), help_text="The verdict in words.")
    rules = serializers.ListField(child=serializers.CharField(), help_text="The names of the rules that apply.")
    policy = PolicyName()


class GrantPointer(serializers.Serializer[Any]):
    """A grant, in short."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(words.GRANT_STATES)


class Similar(serializers.Serializer[Any]):
    """The same ask, filed before. Nothing is refused for it."""

    access_request = serializers.IntegerField(source="access_request.pk")
    state = serializers.ChoiceField(words.ACCESS_REQUEST_STATES, source="access_request.state")
    grant = GrantPointer(allow_null=True)
    sentence = serializers.CharField()


class Preview(Verdict):
    """The verdict of an ask that was not filed, and what it would mean."""

    what_this_lets_you_do = serializers.ListField(child=serializers.CharField())
    what_changes = serializers.ListField(child=serializers.CharField(), help_text="Against what the person has now.")
    similar = Similar(allow_null=True)
    starts_at = Moment(help_text="If it were filed and, where needed, approved now.")
    ends_at = Moment()


class BreakGlassShape(serializers.Serializer[Any]):
    """What belongs to a break-glass alone."""

    incident = serializers.CharField()
    is_drill = serializers.BooleanField()
    why_second = serializers.CharField(help_text="Why a second person had to agree; empty when nobody had to.")
    used_at = Moment(allow_null=True, help_text="When its password was shown first.")
    ended_at = Moment(allow_null=True, help_text="When the target confirmed that nobody gets in any more.")
    review_due_at = Moment(allow_null=True)
    reviewed_at = Moment(allow_null=True)
    reviewed_by = serializers.SerializerMethodField()
    finding = serializers.CharField(help_text="real, drill or misuse; empty until it is reviewed.")
    review_note = serializers.CharField()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_reviewed_by(self, one: BreakGlass) -> str | None:
        return one.reviewed_by.username if one.reviewed_by else None


class GivenApproval(serializers.Serializer[Any]):
    """One recorded yes or no."""

    person = serializers.CharField(source="person.username")
    on_behalf_of = serializers.SerializerMethodField(help_text="Whose voice it was, where it was lent; else null.")
    answer = serializers.ChoiceField(words.ANSWERS)
    group = serializers.CharField(help_text="The group whose slot it fills; empty for a no.")
    comment = serializers.CharField()
    at = Moment()

    @extend_schema_field({"type": "string", "nullable": True})
    def get_on_behalf_of(self, one: Approval) -> str | None:
        return one.on_behalf_of.username if one.on_behalf_of else None


class TimelineEntry(serializers.Serializer[Any]):
    """One thing that happened, in a sentence."""

    at = Moment()
    event = serializers.CharField()
    actor = serializers.CharField()
    text = serializers.SerializerMethodField()

    def get_text(self, event: AuditEvent) -> str:
        try:
            known = Event(event.event)
        except ValueError:  # written by an older or a newer version
            return f"{event.event}."
        return sentences.timeline(known, actor=event.actor, facts=event.facts)


class AccessRequestShape(serializers.Serializer[Any]):
    """One person's ask: what was posted, what the policy said, what people answered, and what came of it."""

    id = serializers.IntegerField(source="pk")
    bundle = serializers.IntegerField(allow_null=True, help_text="What it was asked together with: GET bundles/{id}/.")
    state = serializers.ChoiceField(words.ACCESS_REQUEST_STATES)
    revision = serializers.IntegerField(help_text="Send it with your decision.")
    requester = serializers.CharField(source="requester.username")
    beneficiary = serializers.CharField(source="beneficiary.username", help_text="Who gets the access.")
    target = serializers.CharField(source="target.slug")
    kind = serializers.ChoiceField(words.KINDS)
    roles = serializers.ListField(child=serializers.CharField())
    database_user = serializers.CharField(help_text="Of a role_grant: who gets the roles. Empty otherwise.")
    clusters = serializers.ListField(child=serializers.CharField())
    authentication = serializers.CharField()
    principal = serializers.CharField(
        source="named_by_others", help_text="With aws_iam, oidc and ldap: who signs in. Empty otherwise."
    )
    grantee = serializers.CharField(source="beneficiary.username")
    source_addresses = serializers.ListField(child=serializers.CharField())
    duration = Length(help_text="As it was asked for.")
    approved_duration = Length(allow_null=True, help_text="Shorter, when an approver shortened it.")
    starts_at = Moment(allow_null=True)
    reason = serializers.CharField()
    ticket = serializers.CharField()
    what_this_lets_you_do = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField(help_text="The policy's word when it was filed.")
    approvals = serializers.SerializerMethodField(help_text="Of this revision: an edit makes earlier ones void.")
    extends = serializers.IntegerField(
        source="extends_id", allow_null=True, help_text="The live grant that would last longer; else null."
    )
    grant = serializers.SerializerMethodField(help_text="What came of it; null until it is approved.")
    break_glass = serializers.SerializerMethodField(help_text="Null, unless it is a break-glass.")
    timeline = serializers.SerializerMethodField(help_text="Oldest first, its grant's events included.")
    filed_at = Moment()
    lapses_at = Moment(help_text="Without an answer it ends here.")
    decided_at = Moment(allow_null=True)
    decided_by = serializers.CharField(help_text="Whose answer decided it; policy when nobody needed to be asked.")

    def get_what_this_lets_you_do(self, one: AccessRequest) -> list[str]:
        return preview.let_do(one)

    @extend_schema_field(Verdict)
    def get_verdict(self, one: AccessRequest) -> Mapping[str, Any]:
        return Verdict({**one.verdict, "steps": self.context["steps"][one.pk]}).data

    @extend_schema_field(GivenApproval(many=True))
    def get_approvals(self, one: AccessRequest) -> Any:
        counted = [approval for approval in one.approvals.all() if approval.revision == one.revision]
        return GivenApproval(sorted(counted, key=lambda approval: approval.pk), many=True).data

    @extend_schema_field(GrantPointer(allow_null=True))
    def get_grant(self, one: AccessRequest) -> Mapping[str, Any] | None:
        grant = getattr(one, "grant", None)
        return None if grant is None else {"id": grant.pk, "state": grant.state}

    @extend_schema_field(BreakGlassShape(allow_null=True))
    def get_break_glass(self, one: AccessRequest) -> Mapping[str, Any] | None:
        return BreakGlassShape(one.break_glass).data if one.is_break_glass else None

    @extend_schema_field(TimelineEntry(many=True))
    def get_timeline(self, one: AccessRequest) -> Any:
        return TimelineEntry(self.context["timelines"][one.pk], many=True).data


class BundleShape(serializers.Serializer[Any]):
    """What was asked together."""

    id = serializers.IntegerField()
    access_requests = AccessRequestShape(many=True, help_text="Those that you may see.")


def shown(requests: Sequence[AccessRequest]) -> Any:
    """A page of requests, with one question each for the people of their steps and for their timelines."""
    context = {"steps": voices.steps_with_people(requests), "timelines": voices.timelines(requests)}
    return AccessRequestShape(requests, many=True, context=context).data


def preview_shown(found: preview.Preview) -> Any:
    """A preview: the verdict's own fields first."""
    names = ("what_this_lets_you_do", "what_changes", "similar", "starts_at", "ends_at")
    return Preview({**found.verdict, **{name: getattr(found, name) for name in names}}).data
