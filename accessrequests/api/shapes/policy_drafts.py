"""Drafts of policies: what one would change, who agreed, and whose agreement it waits for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api.fields import Moment
from accessrequests.domain.publishing import DraftState
from accessrequests.models import PolicyDraft


class PolicyDraftLine(serializers.Serializer[Any]):
    """A draft as a list has it."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in DraftState])
    drafted_by = serializers.SerializerMethodField(help_text="Null when it was filed from the command line.")
    drafted_at = Moment()
    proposed_by = serializers.SerializerMethodField()
    proposed_at = Moment(allow_null=True)
    version = serializers.SerializerMethodField(help_text="What it became; null while it is none.")
    decided_by = serializers.CharField(help_text="Whose word published or rejected it; empty until then.")
    decided_at = Moment(allow_null=True)
    why = serializers.CharField(help_text="Why it was rejected; empty otherwise.")

    @extend_schema_field({"type": "string", "nullable": True})
    def get_drafted_by(self, one: PolicyDraft) -> str | None:
        return one.drafted_by.username if one.drafted_by else None

    @extend_schema_field({"type": "string", "nullable": True})
    def get_proposed_by(self, one: PolicyDraft) -> str | None:
        return one.proposed_by.username if one.proposed_by else None

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_version(self, one: PolicyDraft) -> int | None:
        return one.version.version if one.version else None


class RulePartShape(serializers.Serializer[Any]):
    """One part of a rule, in words."""

    before = serializers.CharField()
    after = serializers.CharField()


class RuleChangeShape(serializers.Serializer[Any]):
    """What would become of one rule."""

    rule = serializers.CharField(source="name")
    kind = serializers.CharField(help_text="added, removed or changed.")
    parts = serializers.SerializerMethodField()

    @extend_schema_field(RulePartShape(many=True))
    def get_parts(self, change: Any) -> list[dict[str, str]]:
        return [{"before": before, "after": after} for before, after in change.parts]


class DraftAgreementShape(serializers.Serializer[Any]):
    """One person's agreement."""

    person = serializers.CharField(source="person.username")
    comment = serializers.CharField()
    at = Moment()


class PolicyDraftShape(serializers.Serializer[Any]):
    """A draft beside the version in force."""

    draft = PolicyDraftLine()
    document = serializers.CharField(source="draft.document", help_text="The whole policy as it was written.")
    changes = RuleChangeShape(many=True, help_text="Against the version that is in force now.")
    agreed = DraftAgreementShape(many=True)
    waits_for = serializers.CharField(help_text="Whose agreement is missing, in words; empty when nobody's is.")
    is_outdated = serializers.BooleanField(help_text="Another version came into force: it has to be proposed again.")
