"""Targets, their roles, and policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Moment
from accessrequests.models import Inventory, PolicyVersion, Target
from accessrequests.queries.room import quotas_of


class Offers(serializers.Serializer[Any]):
    """What may be asked for on a target."""

    kinds = serializers.ListField(child=serializers.CharField())
    authentication = serializers.ListField(child=serializers.CharField())
    project_roles = serializers.ListField(child=serializers.CharField(), help_text="What a project_role may be.")


class Collection(serializers.Serializer[Any]):
    """A collection and its rough size."""

    name = serializers.CharField()
    documents = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)


class Database(serializers.Serializer[Any]):
    """A database and its collections."""

    name = serializers.CharField()
    collections = Collection(many=True)


class TargetShape(serializers.Serializer[Any]):
    """A database server in the catalogue."""

    slug = serializers.CharField()
    name = serializers.CharField()
    environment = serializers.CharField()
    owner = serializers.CharField(help_text="The group that answers for it.")
    data_classes = serializers.ListField(child=serializers.CharField())
    kind = serializers.CharField(help_text="What server it is, like mongodb.")
    offers = serializers.SerializerMethodField()
    retired_at = Moment(allow_null=True)
    unreachable_since = Moment(allow_null=True, help_text="Since when it has not answered; null when it answers.")
    inventory_read_at = serializers.SerializerMethodField(
        help_text="When its roles were read. Until then nothing on it can be asked for."
    )

    @extend_schema_field(Offers)
    def get_offers(self, target: Target) -> dict[str, list[str]]:
        return {name: list(target.offers.get(name, [])) for name in ("kinds", "authentication", "project_roles")}

    @extend_schema_field(Moment(allow_null=True))
    def get_inventory_read_at(self, target: Target) -> str | None:
        inventory = _inventory_of(target)
        return Moment().to_representation(inventory.read_at) if inventory else None


class Cluster(serializers.Serializer[Any]):
    """One cluster of a target."""

    name = serializers.CharField()
    paused = serializers.BooleanField(help_text="Nobody can connect to it until it is resumed.")


class QuotaShape(serializers.Serializer[Any]):
    """How much of one thing a target holds."""

    name = serializers.CharField(help_text="database_users, custom_roles or access_list.")
    limit = serializers.IntegerField()
    used = serializers.IntegerField(help_text="As it was read from the target.")
    promised = serializers.IntegerField(help_text="Approved since, and not there yet when it was read.")
    reserve = serializers.IntegerField(help_text="Kept free for break-glass.")
    free = serializers.IntegerField(help_text="What ordinary access may still take.")


class PresetShape(serializers.Serializer[Any]):
    """What people often ask for there. Post it with a reason of your own; it is judged like any other ask."""

    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    duration = serializers.CharField(help_text="Like PT1H.")
    clusters = serializers.ListField(child=serializers.CharField(), help_text="Empty: leave it out.")
    authentication = serializers.CharField(allow_blank=True, help_text="Empty: the target's first.")
    reason_hint = serializers.CharField(allow_blank=True, help_text="What the reason should say.")


class TargetDetail(TargetShape):
    """A target, with the databases and collections that were found on it."""

    presets = PresetShape(many=True)
    databases = serializers.SerializerMethodField()
    clusters = serializers.SerializerMethodField(help_text="To choose from in an ask; empty where there are none.")
    quotas = serializers.SerializerMethodField(help_text="What the target limits; empty where it limits nothing.")

    @extend_schema_field(Database(many=True))
    def get_databases(self, target: Target) -> list[Mapping[str, Any]]:
        inventory = _inventory_of(target)
        found = inventory.databases if inventory else {}
        return [{"name": name, "collections": _collections(held)} for name, held in sorted(found.items())]

    @extend_schema_field(Cluster(many=True))
    def get_clusters(self, target: Target) -> list[Mapping[str, Any]]:
        inventory = _inventory_of(target)
        found = inventory.clusters if inventory else {}
        return [{"name": name, "paused": bool(one.get("paused"))} for name, one in sorted(found.items())]

    @extend_schema_field(QuotaShape(many=True))
    def get_quotas(self, target: Target) -> Any:
        return QuotaShape(quotas_of(target), many=True).data


def _inventory_of(target: Target) -> Inventory | None:
    return getattr(target, "inventory", None)


def _collections(held: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        {"name": name, "documents": sizes.get("documents"), "bytes": sizes.get("bytes")}
        for name, sizes in sorted(held.items())
    ]


class RoleShape(serializers.Serializer[Any]):
    """A role that the target really has, and what it lets a person do there."""

    role = serializers.CharField(help_text="As it is asked for. Add .collection to ask for one collection of it only.")
    level = serializers.ChoiceField(words.LEVELS, help_text="delegating roles are always refused.")
    reach = serializers.CharField()
    what_this_lets_you_do = serializers.ListField(child=serializers.CharField())


class PolicyShape(serializers.Serializer[Any]):
    """A published policy. A version never changes."""

    version = serializers.IntegerField()
    name = serializers.CharField()
    published_at = Moment()
    published_by = serializers.SerializerMethodField(help_text="Null when an operator's command published it.")
    current = serializers.SerializerMethodField()
    rules = serializers.SerializerMethodField(help_text="All that match an ask hold together.")

    @extend_schema_field({"type": "string", "nullable": True})
    def get_published_by(self, version: PolicyVersion) -> str | None:
        return version.published_by.username if version.published_by else None

    def get_current(self, version: PolicyVersion) -> bool:
        return bool(version.version == self.context["current"])

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
    def get_rules(self, version: PolicyVersion) -> list[Mapping[str, Any]]:
        return list(version.rules.get("rules", []))
