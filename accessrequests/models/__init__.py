"""MEMORY. Tables, constraints and querysets; no verbs."""

from __future__ import annotations

from accessrequests.models.access_requests import AccessRequest, Approval
from accessrequests.models.access_reviews import ReviewCampaign, ReviewItem
from accessrequests.models.audit import AuditEvent
from accessrequests.models.break_glass import BreakGlass
from accessrequests.models.connections import ConnectionBudget, ConnectionToken
from accessrequests.models.custom_roles import CustomRoleChange
from accessrequests.models.delegations import Delegation
from accessrequests.models.diagnoses import Diagnosis
from accessrequests.models.extensions import Extension
from accessrequests.models.grants import Credential, Gate, Grant
from accessrequests.models.installation import Installation
from accessrequests.models.offline_kits import KitUse, OfflineKit
from accessrequests.models.outbox import CallBucket, IdempotencyKey, OutboxMessage
from accessrequests.models.outside import Other, OutsideChange
from accessrequests.models.people import Group, Identity, Membership, Person, PersonalToken
from accessrequests.models.policies import PolicyApproval, PolicyDraft, PolicyVersion
from accessrequests.models.saved_asks import SavedAsk
from accessrequests.models.schedules import Schedule
from accessrequests.models.shared_objects import SharedCall, SharedObject, SharedUse
from accessrequests.models.slack import (
    SlackArrival,
    SlackChannel,
    SlackHome,
    SlackIdentity,
    SlackMessage,
    SlackWorkspace,
)
from accessrequests.models.targets import Inventory, Look, Suspicion, Target
from accessrequests.models.usage import Usage

__all__ = [
    "AccessRequest",
    "Approval",
    "AuditEvent",
    "BreakGlass",
    "CallBucket",
    "ConnectionBudget",
    "ConnectionToken",
    "Credential",
    "CustomRoleChange",
    "Delegation",
    "Diagnosis",
    "Extension",
    "Gate",
    "Grant",
    "Group",
    "IdempotencyKey",
    "Identity",
    "Installation",
    "Inventory",
    "KitUse",
    "Look",
    "Membership",
    "OfflineKit",
    "Other",
    "OutboxMessage",
    "OutsideChange",
    "Person",
    "PersonalToken",
    "PolicyApproval",
    "PolicyDraft",
    "PolicyVersion",
    "ReviewCampaign",
    "ReviewItem",
    "SavedAsk",
    "Schedule",
    "SharedCall",
    "SharedObject",
    "SharedUse",
    "SlackArrival",
    "SlackChannel",
    "SlackHome",
    "SlackIdentity",
    "SlackMessage",
    "SlackWorkspace",
    "Suspicion",
    "Target",
    "Usage",
]
