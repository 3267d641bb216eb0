"""What others have on a target, and what they changed there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api.fields import Moment
from accessrequests.models import OutsideChange
from accessrequests.queries import outside


class OtherShape(serializers.Serializer[Any]):
    """Something on a target that this product did not make. It is listed, and never touched."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField(help_text="user, role, entry or member.")
    name = serializers.CharField()
    detail = serializers.CharField(help_text="The roles of a user, the comment of an entry, the size of a role.")
    first_seen_at = Moment(help_text="When we first saw it. It may be older.")
    made_at = Moment(allow_null=True, help_text="As the target's own events tell; null where they do not.")
    made_by = serializers.CharField(help_text="Who made it, as far as the target tells.")
    last_login_at = Moment(
        allow_null=True, help_text="Null: none was seen since we look, or the target keeps no logins."
    )


class OutsideChangeShape(serializers.Serializer[Any]):
    """One of the target's own events that is none of our doing."""

    id = serializers.IntegerField(source="pk")
    event_id = serializers.CharField(help_text="The target's own id of it.")
    event = serializers.CharField(
        help_text="As the target calls it. EVENTS_LEFT_OUT: more came at once than is read, up to that moment."
    )
    kind = serializers.CharField(help_text="user, role, entry or member.")
    name = serializers.CharField()
    actor = serializers.CharField(help_text="Who did it there.")
    at = Moment()
    touches_ours = serializers.BooleanField(help_text="It is something that this product made or uses.")
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, change: OutsideChange) -> str:
        return outside.told(change)


class LookShape(serializers.Serializer[Any]):
    """That a target is looked at."""

    target = serializers.CharField()
    asked_at = Moment(help_text="When a look was last asked for: by this call, or within a minute before it.")
