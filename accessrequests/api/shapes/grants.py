"""Grants, and what the holder is shown once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Moment
from accessrequests.domain.lifecycle import CredentialState
from accessrequests.models import Grant
from accessrequests.operations.credentials import Revealed
from accessrequests.queries import clock, extensions, standing
from accessrequests.queries import grants as grant_queries


class GateShape(serializers.Serializer[Any]):
    """One of the things that must be open before the person can work, with what the target said."""

    gate = serializers.ChoiceField(words.GATES)
    state = serializers.ChoiceField(words.GATE_STATES)
    evidence = serializers.DictField(help_text="By state: what was seen on the target, and when.")


class UsageShape(serializers.Serializer[Any]):
    """How the access was used, as the target tells: logins counted, never what was done with them."""

    logins = serializers.IntegerField(help_text="0: never used, as far as the target has told.")
    first_login = Moment(allow_null=True)
    last_login = Moment(allow_null=True)
    addresses = serializers.ListField(child=serializers.CharField())
    failures = serializers.IntegerField()
    tried_after_end = serializers.IntegerField(help_text="Refused once the access had ended.")
    read_until = Moment()


class ExtensionShape(serializers.Serializer[Any]):
    """A later end that is asked for, or that is on its way to the target."""

    access_request = serializers.IntegerField(help_text="Where it is decided.")
    state = serializers.ChoiceField(
        ["pending", "waiting"], help_text="pending: somebody has to approve it; waiting: the target is being told."
    )
    ends_at = Moment(help_text="The new end. Until the target has it, `expires_at` holds.")


class GrantShape(serializers.Serializer[Any]):
    """Access that shall exist, from approval until the target confirms that it is gone."""

    id = serializers.IntegerField(source="pk")
    access_request = serializers.IntegerField(source="access_request_id")
    state = serializers.ChoiceField(words.GRANT_STATES)
    sentence = serializers.SerializerMethodField(help_text="Where it stands, for people.")
    target = serializers.CharField(source="target.slug")
    kind = serializers.ChoiceField(words.KINDS, source="access_request.kind")
    holder = serializers.CharField(source="holder.username")
    username = serializers.CharField(
        source="login", help_text="Whom the target knows: the user that was made, or the one who got the roles."
    )
    roles = serializers.ListField(child=serializers.CharField(), source="access_request.roles")
    clusters = serializers.ListField(
        child=serializers.CharField(),
        source="access_request.clusters",
        help_text="Which clusters it reaches. None: all that the target has.",
    )
    authentication = serializers.ChoiceField(words.METHODS, source="access_request.authentication")
    starts_at = serializers.SerializerMethodField(help_text="When provisioning began, or when it may begin.")
    activated_at = Moment(allow_null=True, help_text="When a real check against the target passed.")
    expires_at = Moment(allow_null=True, help_text="Fixed when provisioning begins.")
    extension = serializers.SerializerMethodField(help_text="A later end that does not count yet; else null.")
    revoked_at = Moment(allow_null=True, help_text="When the target no longer had it.")
    reason = serializers.SerializerMethodField(help_text="Why it ends or ended; null while it lives.")
    note = serializers.CharField(help_text="What a person typed about its end.")
    overdue = serializers.BooleanField(help_text="It should have ended and may still work; it is being retried.")
    last_error = serializers.CharField(help_text="What the last attempt met; empty when nothing is wrong.")
    waits_for = serializers.CharField(help_text="What the target still carries out, once that takes over a minute.")
    credential = serializers.SerializerMethodField(help_text="ready: it can be revealed once.")
    gates = serializers.SerializerMethodField()

    usage = serializers.SerializerMethodField(help_text="Read each hour, from targets that keep it; else null.")

    def to_representation(self, instance: Grant) -> dict[str, Any]:
        instance.overdue = grant_queries.is_overdue(instance, at=self.context["at"])  # type: ignore[attr-defined]
        return super().to_representation(instance)

    def get_sentence(self, grant: Grant) -> str:
        return standing.sentence_of(grant, at=self.context["at"])

    @extend_schema_field(Moment())
    def get_starts_at(self, grant: Grant) -> str:
        return Moment().to_representation(grant.starts_at or grant.not_before)

    @extend_schema_field(ExtensionShape(allow_null=True))
    def get_extension(self, grant: Grant) -> Any:
        later = extensions.later(grant)
        return None if later is None else ExtensionShape(later).data

    @extend_schema_field(serializers.ChoiceField(words.END_REASONS, allow_null=True))
    def get_reason(self, grant: Grant) -> str | None:
        return grant.end_reason or None

    @extend_schema_field(serializers.ChoiceField(words.CREDENTIAL_STATES))
    def get_credential(self, grant: Grant) -> str:
        credential = getattr(grant, "credential", None)
        return CredentialState.NONE.value if credential is None else credential.state

    @extend_schema_field(UsageShape(allow_null=True))
    def get_usage(self, grant: Grant) -> Any:
        usage = getattr(grant, "usage", None)
        return None if usage is None else UsageShape(usage).data

    @extend_schema_field(GateShape(many=True))
    def get_gates(self, grant: Grant) -> Any:
        return GateShape(sorted(grant.gates.all(), key=lambda gate: words.GATES.index(gate.gate)), many=True).data


class ConnectionShape(serializers.Serializer[Any]):
    """A way in, to one cluster or to the whole target."""

    cluster = serializers.CharField(help_text="Empty where the target has no clusters.")
    connection_string = serializers.CharField(source="text")


class RevealShape(serializers.Serializer[Any]):
    """The password or the certificate, shown once. Nothing keeps a copy: neither we nor, if you can help it, you."""

    username = serializers.CharField()
    password = serializers.CharField(required=False, help_text="Where one signs in with a password.")
    certificate = serializers.CharField(
        required=False,
        help_text="Where one signs in with a certificate: PEM, and its key behind it. Save it as a file.",
    )
    certificate_ends_at = Moment(
        required=False,
        allow_null=True,
        help_text="What the certificate says of its own end; the access may end before.",
    )
    connection_string = serializers.CharField(
        help_text="For the target's own drivers, as it is, or together with the file of the certificate "
        "(`tlsCertificateKeyFile`); to the first cluster where there are several."
    )
    connection_strings = ConnectionShape(
        many=True, source="connections", required=False, help_text="One for each cluster, where there are several."
    )
    expires_at = Moment()

    def to_representation(self, instance: Revealed) -> dict[str, Any]:
        told = super().to_representation(instance)
        for name in ("password",) if instance.certificate else ("certificate", "certificate_ends_at"):
            del told[name]
        if len(instance.connections) == 1:
            del told["connection_strings"]
        return told


def shown(grants: Sequence[Grant]) -> Any:
    """A page of grants as of now."""
    extensions.look_up(grants)
    return GrantShape(grants, many=True, context={"at": clock.now()}).data
