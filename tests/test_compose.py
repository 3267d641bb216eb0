"""Guards docker-compose.yml, Dockerfile and docs/examples: the same processes as the sandbox, each with its own secrets only."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from accessrequests.domain import rules
from sandbox.commands import COMMANDS, NICENESS, ROLES
from workers.provisioners.connection_record import AtlasRecord, parse_record

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
PROCESSES = ["web", "slack_socket", "relay", "worker", "worker_urgent", "sweep"]
OF_THE_DATABASE = [name for name in PROCESSES if name != "sweep"]
FOR_HANDS_ONLY = {"connections", "tag_key", "anchor_seed", "redis_url", "x509_authority"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(content, dict)
    return content


def service(compose: dict[str, Any], name: str) -> dict[str, Any]:
    found = compose["services"][name]
    assert isinstance(found, dict)
    return found


class TestProcesses:
    @pytest.mark.parametrize("name", PROCESSES)
    def test_run_the_sandboxs_command_in_the_sandboxs_role(self, compose: dict[str, Any], name: str) -> None:
        assert service(compose, name)["command"] == list(COMMANDS[name])
        assert service(compose, name)["environment"]["ACCESS_ROLE"] == ROLES[name]

    @pytest.mark.parametrize("name", PROCESSES)
    def test_are_told_to_operators_as_they_are(self, name: str) -> None:
        assert f"`{' '.join(COMMANDS[name])}`" in (ROOT / "docs" / "operating.md").read_text()

    def test_that_can_wait_have_the_smaller_share_of_the_processor(self, compose: dict[str, Any]) -> None:
        shares = {name: service(compose, name).get("cpu_shares", 1024) for name in PROCESSES}

        assert {name for name, share in shares.items() if share < 1024} == set(NICENESS)

    def test_are_all_there_and_no_other_is(self, compose: dict[str, Any]) -> None:
        ours = {name for name, one in compose["services"].items() if "build" in one}

        assert set(COMMANDS) == set(PROCESSES)
        assert ours == {"bootstrap", *PROCESSES}

    @pytest.mark.parametrize("name", ["bootstrap", *PROCESSES])
    def test_can_neither_write_their_code_nor_gain_rights(self, compose: dict[str, Any], name: str) -> None:
        one = service(compose, name)

        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]

    @pytest.mark.parametrize("name", [*PROCESSES, "postgres", "redis", "mongodb"])
    def test_say_whether_they_are_well(self, compose: dict[str, Any], name: str) -> None:
        assert service(compose, name)["healthcheck"]["test"]

    def test_start_after_the_database_is_prepared(self, compose: dict[str, Any]) -> None:
        waits = {name: service(compose, name)["depends_on"]["bootstrap"]["condition"] for name in OF_THE_DATABASE}

        assert set(waits.values()) == {"service_completed_successfully"}
        assert service(compose, "bootstrap")["command"] == ["python", "manage.py", "bootstrap"]


class TestSecrets:
    @pytest.mark.parametrize("name", ["web", "slack_socket"])
    def test_the_web_has_no_way_to_a_target(self, compose: dict[str, Any], name: str) -> None:
        web = service(compose, name)

        assert not FOR_HANDS_ONLY & set(web["secrets"])
        assert not {name for name in web["environment"] if re.search("TARGETS|TAG_KEY|SEED|REDIS|OWNER|X509", name)}
        assert not set(web["networks"]) & set(service(compose, "mongodb")["networks"])
        assert [volume for volume in web.get("volumes", []) if not volume.endswith(":ro")] == []

    def test_the_sweep_knows_the_targets_and_nothing_else(self, compose: dict[str, Any]) -> None:
        sweep = service(compose, "sweep")

        assert set(sweep["secrets"]) == {"tag_key", "connections", "ca"}
        assert not {name for name in sweep["environment"] if re.search("DATABASE|REDIS|SEALING|SECRET_KEY|SEED", name)}
        assert "depends_on" not in sweep
        assert not set(sweep["networks"]) & set(service(compose, "postgres")["networks"])
        volume = "sweep:/var/lib/access-requests-sweep"
        readers = {name for name, one in compose["services"].items() if f"{volume}:ro" in one.get("volumes", [])}
        assert sweep["volumes"] == [volume]
        assert readers == {"relay", "worker", "worker_urgent"}

    def test_only_the_relay_signs_the_head_of_the_audit_trail(self, compose: dict[str, Any]) -> None:
        services = compose["services"]
        writers = {
            name for name, one in services.items() if "anchors:/var/lib/access-requests" in one.get("volumes", [])
        }

        assert {name for name, one in services.items() if "anchor_seed" in one.get("secrets", [])} == {"relay"}
        # bootstrap mounts the volume first, so that it belongs to the image's user.
        assert writers == {"bootstrap", "relay"}

    def test_only_one_process_opens_the_connection_to_slack(self, compose: dict[str, Any]) -> None:
        services = compose["services"]

        assert {name for name, one in services.items() if "slack_app_token" in one.get("secrets", [])} == {
            "slack_socket"
        }
        # Without an app in Slack there is nothing for it to do.
        assert [name for name, one in services.items() if one.get("profiles")] == ["slack_socket"]

    def test_only_bootstrap_is_the_owner_of_the_tables(self, compose: dict[str, Any]) -> None:
        owners = {name for name, one in compose["services"].items() if "database_owner_url" in one.get("secrets", [])}

        assert owners == {"bootstrap"}

    def test_each_process_has_exactly_the_files_that_its_environment_names(self, compose: dict[str, Any]) -> None:
        for name in ["bootstrap", *PROCESSES]:
            one = service(compose, name)
            named = set(re.findall(r"/run/secrets/(\w+)", " ".join(map(str, one["environment"].values()))))

            assert named <= set(one["secrets"])
            assert set(one["secrets"]) - named <= {"ca"}

    def test_no_secret_stands_in_the_file(self, compose: dict[str, Any]) -> None:
        for one in compose["services"].values():
            for setting, value in (one.get("environment") or {}).items():
                if re.search("KEY|SEED|PASSWORD|TOKEN|_URL", setting) and setting != "ACCESS_BASE_URL":
                    assert setting.endswith("_FILE"), setting
                    assert value.startswith("/run/secrets/")

    def test_every_secret_is_declared_and_its_making_described(self, compose: dict[str, Any]) -> None:
        used = {secret for one in compose["services"].values() for secret in one.get("secrets", [])}
        operating = (ROOT / "docs" / "operating.md").read_text()

        assert used == set(compose["secrets"])
        for secret in compose["secrets"].values():
            # The shell loop in the guide makes one certificate and key for each of two names.
            made = Path(secret["file"]).name.replace("web_", "${name}_").replace("mongodb_cert", "${name}_cert")
            assert made in operating, made

    def test_every_setting_is_one_that_the_product_reads(self, compose: dict[str, Any]) -> None:
        settings = (ROOT / "accessrequests" / "settings.py").read_text()
        read = {node.value for node in ast.walk(ast.parse(settings)) if isinstance(node, ast.Constant)}

        for name in ["bootstrap", *PROCESSES]:
            given = {setting.removesuffix("_FILE") for setting in service(compose, name)["environment"]}
            unknown = (
                given
                - read
                - {"GUNICORN_CMD_ARGS", "ACCESS_TARGETS", "ACCESS_ANCHOR", "ACCESS_WEBHOOKS", "ACCESS_SWEEP"}
            )
            assert unknown == set()


class TestImage:
    def test_runs_as_nobody_special_and_holds_the_deployments_parts_only(self) -> None:
        lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
        text = "\n".join(lines)

        assert re.search(r"^USER (?!0$|root$)\S+$", text, re.MULTILINE)
        assert "--require-hashes -r requirements/base.txt" in text
        kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        assert kept == {
            "accessrequests/", "workers/", "templates/", "static/",
            "manage.py", "requirements/base.txt", "LICENSE", "NOTICE",
        }  # fmt: skip


class TestExamples:
    @staticmethod
    def read(name: str) -> dict[str, Any]:
        content = yaml.safe_load((EXAMPLES / name).read_text())
        assert isinstance(content, dict)
        return content

    def test_the_policy_is_one(self) -> None:
        policy = rules.parse(self.read("policy.yaml"))

        people = self.read("people.yaml")
        named = {group for rule in policy.rules for group in rule.eligible}
        named |= {step.group for rule in policy.rules for step in rule.approvals}
        assert named <= set(people["groups"])
        assert {group for person in people["people"].values() for group in person["groups"]} <= set(people["groups"])

    def test_catalogue_and_connection_records_name_the_same_targets(self, tmp_path: Path) -> None:
        (tmp_path / "ca").write_text("only looked for")
        records = {
            slug: parse_record(slug=slug, raw=raw | {"ca_file": "ca"}, directory=tmp_path, plain_text_allowed=False)
            for slug, raw in self.read("connections.example.yaml")["targets"].items()
        }

        assert set(records) == set(self.read("targets.yaml")["targets"])
        assert all(isinstance(record, AtlasRecord) or record.tls for record in records.values())
