"""The admin site: read-only tables for administrators. It has no verb, and no secret is among its columns."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver
from typing_extensions import override

from accessrequests import models
from accessrequests.queries import people

_VERBS = {"login", "logout", "password_change", "password_change_done"}


class ReadOnlySite(admin.AdminSite):
    """Signing in and out, and passwords, are the product's own; this site shows tables."""

    site_header = site_title = "Access Requests"
    index_title = "Tables"
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [url for url in super().get_urls() if getattr(url, "name", None) not in _VERBS]

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        """By the groups of now: the mark on the person is as old as their last sign-in or the last file."""
        if isinstance(request.user, models.Person) and not people.may_administer(request.user):
            raise PermissionDenied  # Django would lead to its own sign-in, which is not here
        return isinstance(request.user, models.Person)

    @override
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Strangers meet the product's own sign-in; people who do not administer are refused."""
        return secure_admin_login(super().admin_view(view, cacheable))


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Look, and nothing else."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters on show: Django's own rule lets a column that is hidden be guessed letter by letter."""
        return lookup.partition("__")[0] in self.list_filter

    def get_urls(self) -> list[URLPattern]:
        """The changelist and the row; the addresses of the verbs do not exist."""
        return [url for url in super().get_urls() if not (url.name or "").endswith(("_add", "_delete", "_history"))]


site = ReadOnlySite(name="admin")


def _table(
    model: type[Model],
    *columns: str,
    search: tuple[str, ...] = (),
    narrow: tuple[str, ...] = (),
    hide: tuple[str, ...] = (),
) -> None:
    """Register one table. `hide` names columns that nobody is shown."""
    options = {
        "list_display": columns,
        "search_fields": search,
        "list_filter": narrow,
        "exclude": hide,
        "ordering": ("-pk",),
        "list_select_related": True,
    }
    site.register(model, type(f"{model.__name__}Table", (ReadOnly,), options))


_table(
    models.AccessRequest,
    "id", "requester", "beneficiary", "target", "level", "state", "filed_at", "decided_by",
    search=("requester__username", "target__slug", "reason", "ticket"), narrow=("state", "level", "target"),
)  # fmt: skip
_table(
    models.Approval, "id", "access_request", "person", "on_behalf_of", "answer", "group", "at",
    search=("person__username",), narrow=("answer",),
)  # fmt: skip
_table(
    models.Grant,
    "id", "username", "holder", "target", "state", "expires_at", "end_reason", "revoked_at",
    search=("username", "holder__username"), narrow=("state", "end_reason", "target"),
)  # fmt: skip
_table(
    models.Delegation, "id", "giver", "stand_in", "starts_at", "ends_at", "ended_at",
    search=("giver__username", "stand_in__username"),
)  # fmt: skip
_table(models.Gate, "id", "grant", "gate", "state", narrow=("gate", "state"))
_table(
    models.Credential, "id", "grant", "state", "generation", "ready_at", "revealed_at", "erased_at",
    narrow=("state",), hide=("sealed",),
)  # fmt: skip
_table(
    models.AuditEvent, "sequence", "at", "event", "actor", "via", "subject",
    search=("actor", "subject", "event"), narrow=("via", "event"),
)  # fmt: skip
_table(
    models.Person, "username", "name", "email", "is_active", "is_staff", "last_login",
    search=("username", "name", "email"), narrow=("is_active",), hide=("password", "session_round"),
)  # fmt: skip
_table(
    models.Identity, "id", "person", "issuer", "subject", "linked_at", "asked_at", "refused_at",
    search=("person__username", "subject"), hide=("sealed_tokens",),
)  # fmt: skip
_table(models.Group, "name", "role")
_table(
    models.Membership,
    "id",
    "person",
    "group",
    "source",
    "since",
    "ended_at",
    search=("person__username",),
    narrow=("group",),
)
_table(
    models.PersonalToken, "id", "person", "name", "scopes", "created_at", "expires_at", "revoked_at",
    search=("person__username", "name"), hide=("digest",),
)  # fmt: skip
_table(models.PolicyDraft, "name", "state", "drafted_by", "proposed_by", "drafted_at")
_table(models.PolicyApproval, "draft", "person", "at")
_table(models.PolicyVersion, "version", "name", "published_by", "published_at")
_table(
    models.Target, "slug", "name", "environment", "kind", "retired_at", "unreachable_since", "checked_at",
    narrow=("environment",),
)  # fmt: skip
_table(models.Inventory, "target", "read_at")
_table(
    models.SharedObject, "id", "target", "kind", "key", "baseline_at", "lease_owner", "lease_until",
    search=("key",), narrow=("target", "kind"),
)  # fmt: skip
_table(models.ConnectionToken, "id", "account", "round", "minted_at", "expires_at", "not_before", hide=("sealed",))
_table(
    models.ConnectionBudget, "id", "target", "bucket", "remaining", "capacity", "seen_at", "held_until",
    narrow=("target",),
)  # fmt: skip
_table(models.Look, "target", "phase", "started_at", "finished_at", "changes_until", "logins_until", "asked_at")
_table(
    models.Other, "id", "target", "kind", "name", "first_seen_at", "made_at", "last_login_at",
    search=("name",), narrow=("target", "kind"),
)  # fmt: skip
_table(
    models.OutsideChange, "id", "target", "event", "name", "actor", "at", "touches_ours",
    search=("name", "actor"), narrow=("target", "touches_ours"),
)  # fmt: skip
_table(models.SharedCall, "id", "target", "grant", "says", "began_at", "looked_at", "left")
_table(models.SharedUse, "id", "shared", "grant", "attempted_at", "ending_at")
_table(
    models.OutboxMessage, "id", "job", "queue", "subject", "ready_at", "claimed_by", "failures", "last_error", "done_at",
    search=("subject",), narrow=("queue", "job"),
)  # fmt: skip
