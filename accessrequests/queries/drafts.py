"""Drafts of policies as people see them: what they would change, who agreed, and whose agreement they wait for."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accessrequests.domain import policy, policy_words
from accessrequests.domain.policy import Given, Rules
from accessrequests.domain.policy_words import Change, RuleInWords
from accessrequests.domain.publishing import DraftState
from accessrequests.domain.wording import people_needed
from accessrequests.models import Person, PolicyApproval, PolicyDraft, PolicyVersion
from accessrequests.queries import people, policy_text
from accessrequests.queries.policy_text import Remark
from accessrequests.queries.rules import rules_of


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft beside the version in force. `waits_for` is empty where nobody need agree, or has to any more."""

    draft: PolicyDraft
    in_force: PolicyVersion | None
    rules: tuple[RuleInWords, ...]
    doubts: tuple[Remark, ...]
    changes: tuple[Change, ...]
    agreed: tuple[PolicyApproval, ...]
    needs: str
    waits_for: str

    @property
    def is_open(self) -> bool:
        return self.draft.state in {DraftState.DRAFT, DraftState.PROPOSED}

    @property
    def is_outdated(self) -> bool:
        """Proposed against a version that is no longer in force."""
        against = self.draft.against_id
        return self.draft.state == DraftState.PROPOSED and self.in_force is not None and against != self.in_force.pk

    @property
    def may_be_proposed(self) -> bool:
        return bool(self.needs) and (self.draft.state == DraftState.DRAFT or self.is_outdated) and not self.agreed

    @property
    def may_be_published(self) -> bool:
        return self.is_open and not self.needs

    @property
    def waits(self) -> bool:
        return self.draft.state == DraftState.PROPOSED and not self.is_outdated and bool(self.waits_for)


def drafts() -> QuerySet[PolicyDraft]:
    return PolicyDraft.objects.select_related("drafted_by", "proposed_by", "against", "version")


def open_drafts() -> QuerySet[PolicyDraft]:
    """Those that may still become a version, newest first."""
    still = [DraftState.DRAFT.value, DraftState.PROPOSED.value]
    return drafts().filter(state__in=still).defer("document", "rules").order_by("-pk")


def shown(draft: PolicyDraft) -> Draft:
    in_force = PolicyVersion.objects.order_by("-version").first()
    older = rules_of(in_force) if in_force is not None else Rules("", ())
    newer = rules_of(draft)
    agreed = tuple(draft.approvals.select_related("person").order_by("pk"))
    given = [Given(one.person.username, people.groups_of(one.person, since=draft.proposed_at)) for one in agreed]
    steps = policy.open_steps(older.publishing, given)
    return Draft(
        draft=draft,
        in_force=in_force,
        rules=tuple(map(policy_words.of_rule, newer.rules)),
        doubts=policy_text.check(draft.document).doubts,
        changes=tuple(policy_words.changes(older, newer)),
        agreed=agreed,
        needs=people_needed(older.publishing) if older.publishing else "",
        waits_for=people_needed(steps) if steps else "",
    )


def may_agree(draft: PolicyDraft, person: Person) -> bool:
    """Whether to offer it: the operation judges again, after its locks."""
    if draft.against is None or person.pk in {draft.drafted_by_id, draft.proposed_by_id}:
        return False
    asked = {step.group for step in asked_of(draft)}
    return bool(people.groups_of(person, since=draft.proposed_at) & asked)


def asked_of(draft: PolicyDraft) -> tuple[policy.Step, ...]:
    """Whose agreement it needs, by the version that it was proposed against; nobody's before it is proposed."""
    return rules_of(draft.against).publishing if draft.against is not None else ()


def asked_people(draft: PolicyDraft) -> list[Person]:
    """Those who could agree to it and have not, but for whoever wrote or proposed it."""
    if draft.proposed_at is None:
        return []
    agreed = draft.approvals.values_list("person", flat=True)
    without = [pk for pk in (draft.drafted_by_id, draft.proposed_by_id, *agreed) if pk]
    groups = {step.group for step in asked_of(draft)}
    found = {one for group in groups for one in people.deciders(group, since=draft.proposed_at, without=without)}
    return sorted(found, key=str)
