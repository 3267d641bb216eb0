"""Guards custom roles: who may change them, what one holds as people write it, and what Atlas would not have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain import custom_role_rules
from accessrequests.domain.approvals import Step
from accessrequests.domain.custom_role_rules import RoleAsk, RoleVerdict
from accessrequests.domain.custom_roles import ChangeKind, Project, contents, why_not
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.privileges import Level, Privilege, Resource, UnknownRole
from accessrequests.domain.role_definitions import Definition, InvalidDefinition, expand, expand_all, from_json, read
from accessrequests.domain.role_sentences import notice_of, standing
from accessrequests.domain.rules import InvalidPolicy, parse

LAPSES = datetime(2026, 11, 22, 15, tzinfo=UTC)
OWNERS = {"group": "data-owners", "people": 1}
RULE: dict[str, Any] = {"name": "access", "match": {}, "eligible": ["a"], "approvals": [], "maximum": "PT1H"}


def rule(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "match": {}, "eligible": ["engineering"], "approvals": [OWNERS], **changes}


def judged(*rules: dict[str, Any], level: Level = Level.READ, groups: str = "engineering") -> RoleVerdict:
    policy = parse({"name": "p", "rules": [RULE], "custom_roles": list(rules)})
    ask = RoleAsk("prod", "production", level, "alice", frozenset({groups}))
    return custom_role_rules.evaluate(policy.custom_roles, ask, policy=policy.name, version=3)


class TestRules:
    def test_all_that_match_hold_together(self) -> None:
        strict = rule("strict", match={"levels": ["write"]}, approvals=[{"group": "security", "people": 2}])

        assert judged(rule("one"), strict).steps == (Step("data-owners", 1),)
        both = judged(rule("one"), strict, level=Level.WRITE)
        assert both.steps == (Step("data-owners", 1), Step("security", 2))
        assert (both.rules, both.allowed, both.automatic) == (("one", "strict"), True, False)
        assert both.sentences == [
            "1 of data-owners and 2 of security must approve it.",
            "Without an answer it lapses after 8 hours.",
        ]

    def test_the_shortest_wait_counts(self) -> None:
        patient, hasty = (rule(name, lapses_after=length) for name, length in (("slow", "P1D"), ("fast", "PT2H")))

        assert judged(patient).lapses_after == timedelta(days=1)
        both = judged(patient, hasty)
        assert both.lapses_after == timedelta(hours=2)
        assert custom_role_rules.stricter(judged(patient), both).lapses_after == timedelta(hours=2)
        assert custom_role_rules.from_json(custom_role_rules.to_json(both)) == both

    def test_nothing_that_matches_is_a_no(self) -> None:
        for rules in ((), (rule("x", match={"environments": ["staging"]}),), (rule("x", match={"targets": ["dev"]}),)):
            (refusal,) = judged(*rules).refusals
            assert refusal.rule == "no matching rule"

    def test_one_that_denies_and_giving_access_itself_refuse(self) -> None:
        denied = judged(rule("one"), {"name": "no", "match": {}, "deny": True})
        assert [refusal.rule for refusal in denied.refusals] == ["no"]
        assert "give or change access itself" in judged(rule("one"), level=Level.DELEGATING).sentences[0]
        assert judged(rule("one"), groups="security").sentences[0].endswith("and alice is not one of them.")

    def test_nobody_asked_is_automatic(self) -> None:
        verdict = judged(rule("free", approvals=[]))
        assert (verdict.automatic, verdict.sentences) == (True, ["Nobody has to approve it."])

    def test_the_stricter_of_two_counts_and_reads_back(self) -> None:
        kept = custom_role_rules.from_json(custom_role_rules.to_json(judged(rule("one"))))
        now = judged({"name": "no", "match": {}, "deny": True})

        both = custom_role_rules.stricter(kept, now)

        assert (both.steps, both.rules, both.allowed) == ((Step("data-owners", 1),), ("one", "no"), False)
        assert custom_role_rules.refused(kept, "Full.").sentences == ["Full."]

    def test_are_said_in_words(self) -> None:
        rules = parse(
            {
                "name": "p",
                "rules": [RULE],
                "custom_roles": [
                    rule("one", match={"environments": ["staging", "production"], "levels": ["read", "write"]}),
                    rule("free", approvals=[]),
                    {"name": "no", "match": {}, "deny": True},
                ],
            }
        ).custom_roles
        assert [words for _, words in custom_role_rules.in_words(rules)] == [
            (
                "Custom roles of the level read or write on production or staging: people of engineering may propose a change. "
                "1 of data-owners must approve it. Without an answer it lapses after 8 hours."
            ),
            "Custom roles: people of engineering may propose a change. Nobody has to approve it.",
            "Custom roles: nobody may change them.",
        ]

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ("x", "Rule number 1 of custom_roles: write it as keys"),
            (rule("one", maximum="PT1H"), "Rule one of custom_roles: the key maximum is unknown"),
            (rule("one", eligible=[]), "the key eligible must be"),
            (rule("one", match={"kinds": []}), "Rule one of custom_roles, match: the key kinds is unknown"),
            (rule("one", approvals=[{"group": "x"}]), "Rule one of custom_roles, approvals: the key people is missing"),
        ],
    )
    def test_are_read_strictly(self, entry: object, why: str) -> None:
        with pytest.raises(InvalidPolicy, match=why):
            parse({"name": "p", "rules": [RULE], "custom_roles": [entry]})
        with pytest.raises(InvalidPolicy, match="used more than once"):
            parse({"name": "p", "rules": [RULE], "custom_roles": [rule("one"), rule("one")]})


class TestDefinition:
    def test_reads_back_what_people_write_in_one_spelling(self) -> None:
        lines = ["insert,find@shop.orders", "dbStats@shop", "find@*", "find@*.logs", "top,serverStatus@$cluster"]

        role = read(lines, ["read@shop", "other@admin"])

        assert role.privileges == [
            *("serverStatus,top@$cluster", "find@*", "find@*.logs", "dbStats@shop", "find,insert@shop.orders"),
        ]
        assert ("find", Resource("", "logs")) in role.allows
        assert ("top", Resource(cluster=True)) in role.allows
        assert from_json(role.to_json()) == role == read(role.privileges, sorted(role.inherits))

    @pytest.mark.parametrize(
        "line", ["", "find", "@shop", "find@", "find@shop.", "find@.x", "find@a b", "find@shop.$cmd", "fi\u202end@shop"]
    )
    def test_refuses_what_says_nothing(self, line: str) -> None:
        with pytest.raises(InvalidDefinition, match="says nothing"):
            read([line], [])

    @pytest.mark.parametrize(
        ("lines", "inherits", "why"),
        [
            (["top@shop"], [], r"No custom role can allow top on a whole database \(shop\)"),
            (["dropDatabase@shop.orders"], [], r"allow dropDatabase on one collection \(shop.orders\)"),
            (["find@$cluster"], [], "allow find on the cluster"),
            (["createUser@shop"], [], "No custom role can allow createUser"),
            ([], [], "at least one privilege"),
            (["find@shop"], ["read"], "read is no role"),
            (["find@shop"], ["read@shop.orders"], "read@shop.orders is no role"),
            ([f"find@d{number}" for number in range(101)], [], "within 100 lines"),
        ],
    )
    def test_refuses_what_atlas_cannot_hold(self, lines: list[str], inherits: list[str], why: str) -> None:
        with pytest.raises(InvalidDefinition, match=why):
            read(lines, inherits)

    def test_comes_to_all_that_is_in_it(self) -> None:
        reading = (Privilege(Resource("shop"), frozenset({"find"})),)
        roles = {"one": read(["insert@shop"], ["read@shop"]), "two": read(["remove@shop"], ["one@admin"])}

        known = expand_all({**roles, "lost": read([], ["gone@admin"])}, {"read@shop": reading})

        assert known["two@admin"] == (Privilege(Resource("shop"), frozenset({"find", "insert", "remove"})),)
        assert "lost@admin" not in known
        with pytest.raises(UnknownRole, match="no role gone@admin to inherit from"):
            expand(read([], ["gone@admin"]), known)


class TestWhatAtlasWouldNotHave:
    def project(self, **roles: Definition) -> Project:
        return Project(roles, {})

    def test_a_circle_however_long(self) -> None:
        role = read(["find@shop"], [])
        above, top = read([], ["one@admin", "read@shop"]), read([], ["above@admin"])
        project = self.project(one=role, above=above, top=top)

        assert "inherit from itself" in why_not(project, ChangeKind.EDIT, "one", read([], ["top@admin"]))
        assert why_not(project, ChangeKind.EDIT, "one", read([], ["read@shop"])) == ""
        assert why_not(project, ChangeKind.DELETE, "top", None) == ""
        assert why_not(project, ChangeKind.CREATE, "new", read([], ["top@admin", "above@admin"])) == ""

    def test_several_who_would_be_left_with_nothing_are_named(self) -> None:
        alias = read([], ["one@admin"])
        project = Project({"one": read(["find@shop"], []), "a": alias, "b": alias}, {"u@admin": ["a@admin"]})

        assert (
            why_not(project, ChangeKind.DELETE, "one", None)
            == "a, b would be left with nothing in them. Edit them first."
        )
        assert why_not(project, ChangeKind.DELETE, "a", None).startswith("1 login would be left without a role.")


def test_only_what_atlas_cannot_give_as_it_is_needs_a_role_made() -> None:
    held = [{"resource": {"database": "shop", "collection": "orders", "cluster": False}, "actions": ["find"]}]
    asked = dict.fromkeys(("find@shop.orders", "dbAdmin@shop.orders", "read@shop.orders", "read@shop", "GROUP_X"), held)

    assert len(contents(asked)) == 1, "The same content is one role."
    assert contents({"read@shop": held, "@unreadable": held}) == frozenset()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            ChangeState.PENDING,
            "It waits for 1 person of data-owners. Without an answer it lapses at 22 Nov 2026 15:00 UTC.",
        ),
        (
            ChangeState.APPROVED,
            "It is approved and being made. So far: Away. It is tried again, and may still be made.",
        ),
        (ChangeState.DENIED, "bob denied it"),
        (ChangeState.CANCELLED, "It is void: Away. Nothing was changed."),
        (ChangeState.EXPIRED, "Nobody answered in time, so it has lapsed. Nothing was changed."),
        (ChangeState.APPLIED, "Atlas has it so, read back."),
        (ChangeState.FAILED, "It was not made. Away."),
    ],
)
def test_where_a_change_stands_is_said(state: ChangeState, said: str) -> None:
    steps = [{"group": "data-owners", "needed": 1}]

    assert standing(state, steps=steps, answers=[], lapses_at=LAPSES, by="bob", note="Away.").startswith(said)


def test_one_that_was_taken_back_says_by_whom() -> None:
    said = standing(ChangeState.CANCELLED, steps=[], answers=[], lapses_at=LAPSES, by="bob")
    assert said == "bob took it back. Nothing was changed."


def test_a_change_that_goes_well_says_no_more_than_that() -> None:
    assert standing(ChangeState.APPROVED, steps=[], answers=[], lapses_at=LAPSES) == "It is approved and being made."
    answers = [{"person": "bob", "groups": ["x"], "comment": "Too wide."}]
    assert "Too wide" in standing(ChangeState.DENIED, steps=[], answers=answers, lapses_at=LAPSES, by="bob")


def test_those_who_decide_and_whoever_proposed_it_are_told_why_they_are_told() -> None:
    said: dict[str, Any] = {
        "title": "Alice wants to make the role x",
        "sentence": "It waits.",
        "reason": "Sales.",
        "url": "https://a/1",
    }

    deciding = notice_of(Event.CUSTOM_ROLE_PROPOSED, **said, decides=True)
    done = notice_of(Event.CUSTOM_ROLE_FAILED, **said, decides=False)

    assert (deciding.subject, deciding.button) == ("Proposed: Alice wants to make the role x", "Read it and decide")
    assert (done.subject, done.button) == ("Not made: Alice wants to make the role x", "Open the change")
    assert "because you proposed this change" in done.body


def test_what_became_void_is_called_so() -> None:
    said: dict[str, Any] = {
        "title": "Alice wants it",
        "sentence": "It is over.",
        "reason": "Sales.",
        "url": "https://a/1",
    }

    void = notice_of(Event.CUSTOM_ROLE_CANCELLED, **said, decides=True, is_void=True)

    assert (void.subject, void.button) == ("Void: Alice wants it", "Open the change")
    taken_back = notice_of(Event.CUSTOM_ROLE_CANCELLED, **said, decides=True)
    assert taken_back.subject == "Taken back: Alice wants it"
