"""Guards that the sandbox runs the product as docker-compose.yml does: the same commands, the same roles, no more secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.commands import COMMANDS, ROLES
from sandbox.environment import Environment, Places, WorldSecrets

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
# What only the hands may know.
WORKERS_ONLY = {"ACCESS_TARGETS_FILE", "ACCESS_TAG_KEY", "ACCESS_ANCHOR_SEED", "REDIS_URL"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(
        secrets=WorldSecrets(),
        places=Places(tmp_path),
        base_url="http://127.0.0.1:8123",
        database_url="postgresql://app@127.0.0.1/access",
        redis_url="redis://127.0.0.1/0",
        identity_url="http://127.0.0.1:8124",
    )


@pytest.mark.parametrize("name", sorted(COMMANDS))
class TestEveryProcess:
    def test_has_the_command_of_the_deployment(self, name: str, services: dict[str, Any]) -> None:
        assert tuple(services[name]["command"]) == COMMANDS[name]

    def test_has_the_role_of_the_deployment(
        self, name: str, services: dict[str, Any], environment: Environment
    ) -> None:
        assert services[name]["environment"]["ACCESS_ROLE"] == ROLES[name] == environment.of(name)["ACCESS_ROLE"]

    def test_knows_the_secrets_of_its_role_and_no_other(
        self, name: str, services: dict[str, Any], environment: Environment
    ) -> None:
        deployed = {
            key.removesuffix("_FILE") if key.endswith("_FILE") else key for key in services[name]["environment"]
        }
        deployed |= set(services[name]["environment"])
        for told in (deployed, set(environment.of(name))):
            assert (told & WORKERS_ONLY == set()) is (ROLES[name] == "web")
            assert ("ACCESS_SLACK_APP_TOKEN" in told) is (name == "slack_socket")
            assert "DATABASE_OWNER_URL" not in told


def test_two_worlds_share_no_secret(tmp_path: Path) -> None:
    first, second = WorldSecrets(), WorldSecrets()
    for name in ("secret_key", "installation", "sealing_key", "tag_key", "anchor_seed", "control_token"):
        assert getattr(first, name) != getattr(second, name)
    assert 4 <= len(first.installation) <= 12
