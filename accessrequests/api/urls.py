"""The addresses of the REST API, fixed in its first version."""

from __future__ import annotations

from django.urls import path, re_path, register_converter

from accessrequests.api import (
    access_requests,
    access_reviews,
    audit,
    break_glass,
    bundles,
    catalogue,
    custom_roles,
    delegations,
    diagnoses,
    fallback,
    grants,
    outside,
    policies,
    policy_drafts,
    schema,
    wizard,
)

LARGEST = 2**63 - 1


class Id:
    """The id of a row: what no row can have leads nowhere."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > LARGEST:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Id, "id")

app_name = "api"
urlpatterns = [
    path("targets/", catalogue.Targets.as_view(), name="targets"),
    path("targets/<slug:slug>/", catalogue.OneTarget.as_view(), name="target"),
    path("targets/<slug:slug>/roles/", catalogue.Roles.as_view(), name="target_roles"),
    path("targets/<slug:slug>/custom-roles/", custom_roles.CustomRoles.as_view(), name="custom_roles"),
    path("targets/<slug:slug>/custom-roles/preview/", custom_roles.PreviewCustomRole.as_view(), name="preview_role"),
    path("custom-role-changes/", custom_roles.CustomRoleChanges.as_view(), name="custom_role_changes"),
    path("custom-role-changes/<id:id>/", custom_roles.OneCustomRoleChange.as_view(), name="custom_role_change"),
    path("custom-role-changes/<id:id>/approve/", custom_roles.ApproveCustomRoleChange.as_view(), name="approve_role"),
    path("custom-role-changes/<id:id>/deny/", custom_roles.DenyCustomRoleChange.as_view(), name="deny_role"),
    path("custom-role-changes/<id:id>/cancel/", custom_roles.CancelCustomRoleChange.as_view(), name="cancel_role"),
    path("targets/<slug:slug>/others/", outside.Others.as_view(), name="target_others"),
    path("targets/<slug:slug>/changes/", outside.Changes.as_view(), name="target_changes"),
    path("targets/<slug:slug>/look/", outside.LookNow.as_view(), name="target_look"),
    path("policies/", catalogue.Policies.as_view(), name="policies"),
    path("policies/simulate/", policies.SimulatePolicy.as_view(), name="policy_simulate"),
    path("policies/schema/", catalogue.PolicySchema.as_view(), name="policy_schema"),
    path("policies/drafts/", policy_drafts.PolicyDrafts.as_view(), name="policy_drafts"),
    path("policies/drafts/<id:id>/", policy_drafts.OnePolicyDraft.as_view(), name="policy_draft"),
    path("policies/drafts/<id:id>/propose/", policy_drafts.ProposeDraft.as_view(), name="policy_draft_propose"),
    path("policies/drafts/<id:id>/publish/", policy_drafts.PublishDraft.as_view(), name="policy_draft_publish"),
    path("policies/drafts/<id:id>/agree/", policy_drafts.AgreeToDraft.as_view(), name="policy_draft_agree"),
    path("policies/drafts/<id:id>/reject/", policy_drafts.RejectDraft.as_view(), name="policy_draft_reject"),
    path("access-requests/", access_requests.AccessRequests.as_view(), name="access_requests"),
    path("access-requests/wizard/", wizard.Wizard.as_view(), name="wizard"),
    path("access-requests/preview/", access_requests.PreviewAccessRequest.as_view(), name="preview"),
    path("access-requests/<id:id>/", access_requests.OneAccessRequest.as_view(), name="access_request"),
    path("access-requests/<id:id>/approve/", access_requests.Approve.as_view(), name="approve"),
    path("access-requests/<id:id>/deny/", access_requests.Deny.as_view(), name="deny"),
    path("access-requests/<id:id>/cancel/", access_requests.Cancel.as_view(), name="cancel"),
    path("access-requests/<id:id>/comments/", access_requests.Comments.as_view(), name="comments"),
    path("delegations/", delegations.Delegations.as_view(), name="delegations"),
    path("delegations/<id:id>/end/", delegations.EndDelegation.as_view(), name="delegation_end"),
    path("bundles/", bundles.Bundles.as_view(), name="bundles"),
    path("bundles/<id:id>/", bundles.OneBundle.as_view(), name="bundle"),
    path("bundles/<id:id>/approve/", bundles.ApproveBundle.as_view(), name="bundle_approve"),
    path("bundles/<id:id>/deny/", bundles.DenyBundle.as_view(), name="bundle_deny"),
    path("break-glass/", break_glass.BreakGlass.as_view(), name="break_glass"),
    path("break-glass/<id:id>/review/", break_glass.ReviewBreakGlass.as_view(), name="break_glass_review"),
    path("access-reviews/", access_reviews.AccessReviews.as_view(), name="access_reviews"),
    path("access-reviews/<id:id>/", access_reviews.OneAccessReview.as_view(), name="access_review"),
    path("access-reviews/<id:id>/items/", access_reviews.ReviewItems.as_view(), name="access_review_items"),
    path("access-reviews/items/<id:id>/answer/", access_reviews.AnswerReviewItem.as_view(), name="answer_review"),
    path("access-reviews/<id:id>/cancel/", access_reviews.CancelAccessReview.as_view(), name="cancel_review"),
    path("access-reviews/<id:id>/sign-off/", access_reviews.SignOffAccessReview.as_view(), name="sign_off_review"),
    path("grants/", grants.Grants.as_view(), name="grants"),
    path("grants/<id:id>/", grants.OneGrant.as_view(), name="grant"),
    path("grants/<id:id>/reveal/", grants.Reveal.as_view(), name="reveal"),
    path("grants/<id:id>/rotate/", grants.Rotate.as_view(), name="rotate"),
    path("grants/<id:id>/release/", grants.Release.as_view(), name="release"),
    path("grants/<id:id>/revoke/", grants.Revoke.as_view(), name="revoke"),
    path("grants/<id:id>/extend/", grants.Extend.as_view(), name="extend"),
    path("grants/<id:id>/diagnose/", diagnoses.Diagnose.as_view(), name="diagnose"),
    path("audit-events/", audit.AuditEvents.as_view(), name="audit_events"),
    path("audit-events/export/", audit.ExportAuditEvents.as_view(), name="audit_events_export"),
    path("audit-events/verify/", audit.VerifyAuditEvents.as_view(), name="audit_events_verify"),
    path("schema/", schema.schema_file, name="schema"),
    path("docs/", schema.docs, name="docs"),
    re_path("", fallback.nothing_here),
]
