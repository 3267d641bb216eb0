"""Custom roles of a project, and changes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Moment
from accessrequests.domain import custom_role_rules
from accessrequests.queries.custom_roles import Considered, CustomRole


class DefinitionShape(serializers.Serializer[Any]):
    """What a role holds, as people write it."""

    privileges = serializers.ListField(child=serializers.CharField(), help_text="Like find,insert@shop.orders.")
    inherits = serializers.ListField(child=serializers.CharField(), help_text="Like read@shop.")


class ChangePointer(serializers.Serializer[Any]):
    """A change that is not finished."""

    id = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(words.CHANGE_STATES)


class CustomRoleShape(serializers.Serializer[Any]):
    """A custom role of the project as it was read."""

    role = serializers.CharField(source="name", help_text="It is asked for as role@admin.")
    privileges = serializers.ListField(child=serializers.CharField(), source="definition.privileges")
    inherits = serializers.SerializerMethodField()
    level = serializers.ChoiceField(words.LEVELS)
    what_this_lets_you_do = serializers.ListField(child=serializers.CharField())
    user_count = serializers.SerializerMethodField(help_text="How many have it and stand there anyway.")
    users = serializers.SerializerMethodField(help_text="Who they are. Empty but for auditors and administrators.")
    inherited_by = serializers.ListField(child=serializers.CharField(), source="heirs")
    grants = serializers.ListField(child=serializers.IntegerField(), source="accesses", help_text="Live accesses.")
    ours = serializers.BooleanField(source="is_ours", help_text="Made for accesses: nobody changes it by hand.")
    made_by_change = serializers.IntegerField(
        source="made_by", allow_null=True, help_text="The change that made it, where one did."
    )
    change = ChangePointer(allow_null=True, help_text="One that waits or is being carried out.")

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_inherits(self, role: CustomRole) -> list[str]:
        return sorted(role.definition.inherits)

    def get_user_count(self, role: CustomRole) -> int:
        return len(role.users)

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_users(self, role: CustomRole) -> list[str]:
        return list(role.users) if self.context["sees_all"] else []


class RoleStep(serializers.Serializer[Any]):
    """So many people of one group must approve."""

    group = serializers.CharField()
    needed = serializers.IntegerField()


class RoleVerdictShape(serializers.Serializer[Any]):
    """What the policy says about a change of a custom role."""

    allowed = serializers.BooleanField()
    automatic = serializers.BooleanField()
    level = serializers.ChoiceField(words.LEVELS)
    steps = RoleStep(many=True)
    sentences = serializers.ListField(child=serializers.CharField())
    rules = serializers.ListField(child=serializers.CharField())
    policy = serializers.DictField(child=serializers.JSONField())


class EffectShape(serializers.Serializer[Any]):
    """What a change comes to for one who has the role, with all other roles that they have."""

    holder = serializers.CharField(help_text="Like 3 logins; by name for auditors and administrators.")
    changes = serializers.ListField(child=serializers.CharField())


class ChangePreview(serializers.Serializer[Any]):
    """A change judged, and nothing filed."""

    verdict = serializers.SerializerMethodField()
    what_this_lets_you_do = serializers.ListField(child=serializers.CharField())
    what_changes = serializers.ListField(child=serializers.CharField())
    effects = serializers.SerializerMethodField()
    warnings = serializers.ListField(child=serializers.CharField())
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()

    @extend_schema_field(RoleVerdictShape)
    def get_verdict(self, considered: Considered) -> Mapping[str, Any]:
        return RoleVerdictShape(custom_role_rules.to_json(considered.verdict)).data

    @extend_schema_field(EffectShape(many=True))
    def get_effects(self, considered: Considered) -> Sequence[Mapping[str, Any]]:
        effects = considered.named if self.context["sees_all"] else considered.counted
        return list(EffectShape(effects, many=True).data)

    @extend_schema_field(DefinitionShape(allow_null=True))
    def get_before(self, considered: Considered) -> Mapping[str, Any] | None:
        return considered.before.to_json() if considered.before else None

    @extend_schema_field(DefinitionShape(allow_null=True))
    def get_after(self, considered: Considered) -> Mapping[str, Any] | None:
        return considered.after.to_json() if considered.after else None


class RoleAnswer(serializers.Serializer[Any]):
    """One recorded answer."""

    person = serializers.CharField()
    answer = serializers.ChoiceField(words.ANSWERS)
    group = serializers.CharField()
    comment = serializers.CharField()
    at = serializers.DateTimeField()


class ChangeShape(serializers.Serializer[Any]):
    """A change of a custom role: what was proposed, what people said, and what Atlas made of it."""

    id = serializers.IntegerField(source="pk")
    target = serializers.CharField(source="target.slug")
    change = serializers.ChoiceField(words.CHANGE_KINDS, source="kind")
    role = serializers.CharField()
    before = DefinitionShape(allow_null=True, help_text="Null where it was not there.")
    after = DefinitionShape(allow_null=True, help_text="Null where it shall go.")
    reason = serializers.CharField()
    proposer = serializers.CharField(source="proposer.username")
    level = serializers.ChoiceField(words.LEVELS)
    verdict = RoleVerdictShape(help_text="The policy's word when it was proposed.")
    approvals = RoleAnswer(many=True, source="answers")
    state = serializers.ChoiceField(words.CHANGE_STATES)
    revision = serializers.IntegerField(help_text="Send it with your decision.")
    note = serializers.CharField(help_text="Why it failed, or what stands in the way just now.")
    proposed_at = Moment()
    lapses_at = Moment(help_text="Without an answer it ends here.")
    decided_at = Moment(allow_null=True)
    decided_by = serializers.CharField(help_text="policy when nobody needed to be asked.")
    finished_at = Moment(allow_null=True, help_text="When Atlas had it, or refused it.")
