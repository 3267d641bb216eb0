"""Guards `manage.py policy`: what is published is what was read, by whom it says, and a mistake publishes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from accessrequests.domain import language
from accessrequests.models import AuditEvent, PolicyDraft, PolicyVersion
from accessrequests.queries import simulation
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run, written

EXAMPLE = str(Path(__file__).parents[2] / "docs" / "examples" / "policy.yaml")


class TestCheck:
    def test_publishes_nothing(self, db: None) -> None:
        said = run("policy", "check", EXAMPLE)
        assert said.startswith(
            "The policy example (2 rules) can be read and published, but may not do here what you mean"
        )
        assert not PolicyVersion.objects.exists()

    def test_says_that_it_makes_sense_only_where_nothing_is_doubtful(self, cast: Cast, tmp_path: Path) -> None:
        document = {"name": "p", "rules": [make.rule("prod")]}

        said = run("policy", "check", written(tmp_path, document))

        assert said == "The policy p (1 rule) makes sense here. Nothing was published.\n"

    def test_lists_everything_that_is_wrong(self, db: None, tmp_path: Path) -> None:
        document = catalogue.policy_document()
        document["rules"][0]["maximun"] = "PT1H"
        document["rules"][1]["maximum"] = 8

        said = refused("policy", "check", written(tmp_path, document))

        assert "Rule development: the key maximun is unknown, did you mean maximum?" in said
        assert "Rule staging-read: the key maximum must be a length like PT8H." in said

    @pytest.mark.parametrize("text", ["name: [", "just words", "rules: []\nname: x"])
    def test_refuses_what_is_no_policy(self, db: None, tmp_path: Path, text: str) -> None:
        assert "nothing was" in refused("policy", "check", written(tmp_path, text)).lower()


class TestPublish:
    def test_makes_the_next_version_for_a_person_and_keeps_who_typed_it(self, cast: Cast) -> None:
        said = run("policy", "publish", EXAMPLE, "--by", "erin")

        version = PolicyVersion.objects.get(version=2)
        event = AuditEvent.objects.get(subject="policy/2")
        assert said == "The policy example is published as version 2.\n"
        assert (version.name, version.published_by, version.document) == (
            "example",
            cast.erin,
            Path(EXAMPLE).read_text(),
        )
        assert (event.event, event.via, event.facts["by"]) == ("policy.published", "command", "erin")
        assert event.actor.startswith("os:"), "a name on a command line proves nothing about the person"

    def test_makes_it_in_the_operators_name_otherwise(self, db: None) -> None:
        run("policy", "publish", EXAMPLE)

        assert PolicyVersion.objects.get().published_by is None
        assert AuditEvent.objects.get().actor.startswith("os:")

    def test_twice_the_same_is_one_version(self, db: None) -> None:
        run("policy", "publish", EXAMPLE)
        run("policy", "publish", EXAMPLE)

        assert PolicyVersion.objects.count() == 1

    def test_refuses_an_unknown_author(self, cast: Cast) -> None:
        assert "There is nobody called zoe" in refused("policy", "publish", EXAMPLE, "--by", "zoe")
        assert PolicyVersion.objects.count() == 1

    def test_leaves_a_draft_where_others_must_agree(self, cast: Cast) -> None:
        publishing = {"approvals": [{"group": "security", "people": 1}]}
        make.publish({"name": "guarded", "rules": [make.rule("prod")], "publishing": publishing})

        said = run("policy", "publish", EXAMPLE, "--by", "erin")

        draft = PolicyDraft.objects.get()
        assert said == (
            "Nothing was published. By the policy in force 1 person of security must agree to the next version. "
            "Propose it to them.\n"
            f"It is kept as draft {draft.pk}: an administrator proposes it at "
            f"https://access.example.com/policies/drafts/{draft.pk}/\n"
        )
        assert (draft.name, draft.state, draft.drafted_by) == ("example", "draft", None)
        assert PolicyVersion.objects.latest("version").name == "guarded"

    def test_a_mistake_publishes_nothing(self, cast: Cast, tmp_path: Path) -> None:
        document = catalogue.policy_document()
        del document["rules"][0]["eligible"]

        assert "the key eligible is missing" in refused("policy", "publish", written(tmp_path, document))
        assert PolicyVersion.objects.count() == 1


class TestDiff:
    def test_says_what_became_of_each_rule(self, cast: Cast, tmp_path: Path) -> None:
        make.publish_rules(make.rule("prod"), make.rule("gone"))
        rules = [make.rule("prod", maximum="PT2H"), make.rule("new", deny=True)]

        said = run("policy", "diff", written(tmp_path, {"name": "p", "rules": rules}))

        assert "gone: removed\n  - When the target is production.\n" in said
        assert "new: added\n  + When the target is production.\n  + It denies whatever matches.\n" in said
        assert "prod: changed\n  - At most 8 hours.\n  + At most 2 hours.\n" in said

    def test_compares_with_any_version(self, cast: Cast, tmp_path: Path) -> None:
        path = written(tmp_path, catalogue.policy_document())
        make.publish_rules(make.rule("prod"))

        assert "prod: removed" in run("policy", "diff", path)
        assert run("policy", "diff", path, "--against", "1") == "It says the same as version 1, rule by rule.\n"
        assert refused("policy", "diff", path, "--against", "9") == "There is no version 9."


class TestSimulate:
    def test_shows_which_requests_would_be_answered_otherwise(self, cast: Cast, tmp_path: Path) -> None:
        one, _ = make.submit(cast.alice), make.submit(cast.alice, duration=timedelta(minutes=30))
        draft = {"name": "p", "rules": [make.rule("prod", maximum="PT1H")]}

        said = run("policy", "simulate", written(tmp_path, draft), "--days", "1")

        assert said == (
            "2 requests of the last day, beside version 1 as of now:\n"
            "  1 the same, 1 refused\n"
            f"  {one} of alice: 1 of data-owners -> refused. Rule prod allows at most 1 hour. Ask for a shorter time.\n"
        )

    def test_says_how_many_were_too_many(self, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(simulation, "MOST_AT_ONCE", 1)
        for _ in range(3):
            make.submit(cast.alice)

        said = run("policy", "simulate", written(tmp_path, {"name": "p", "rules": [make.rule("prod")]}))

        assert said.startswith("1 request of the last 30 days")
        assert "  Only the newest 1 are judged. 2 older ones were left out: look back over fewer days.\n" in said

    @pytest.mark.parametrize("days", ["0", "400"])
    def test_takes_a_year_at_most(self, cast: Cast, days: str) -> None:
        assert "from 1 to 366" in refused("policy", "simulate", EXAMPLE, "--days", days)

    def test_needs_a_policy_to_compare_with(self, db: None) -> None:
        assert refused("policy", "simulate", EXAMPLE) == "No policy has been published yet."


class TestSchema:
    def test_writes_the_language(self) -> None:
        assert json.loads(run("policy", "schema")) == language.schema()
