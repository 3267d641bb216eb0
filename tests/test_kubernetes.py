"""Guards docs/deploy/kubernetes: the processes, settings and secrets of docker-compose.yml, in pods that can do nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.commands import COMMANDS, NICENESS, RELAY, WEB, WORKER_URGENT

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = ROOT / "docs" / "deploy" / "kubernetes"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# Where a cluster differs: TLS ends in the ingress, Slack calls us, and a token guards the metrics.
ONLY_HERE = {
    *("ACCESS_BEHIND_PROXY", "ACCESS_ALLOWED_HOSTS", "POD_IP", "ACCESS_METRICS_TOKEN_FILE"),
    "ACCESS_SLACK_SIGNING_SECRETS_FILE",
}
OTHERWISE = {
    *("ACCESS_BASE_URL", "ACCESS_INSTALLATION", "GUNICORN_CMD_ARGS", "ACCESS_SLACK_MODE"),
    *("ACCESS_SLACK_APP_ID", "ACCESS_SLACK_TEAM_ID", "ACCESS_SLACK_CHANNELS"),
}


def documents() -> list[dict[str, Any]]:
    return [one for path in sorted(MANIFESTS.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]


def pod_of(one: dict[str, Any]) -> dict[str, Any] | None:
    spec = one.get("spec", {})
    spec = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
    return spec["template"]["spec"] if "template" in spec else None


PODS = {(one["kind"], one["metadata"]["name"]): found for one in documents() if (found := pod_of(one)) is not None}
SETTINGS = {one["metadata"]["name"]: one["data"] for one in documents() if one["kind"] == "ConfigMap"}
OF_COMPOSE = [*COMMANDS, "bootstrap"]


def pod(name: str) -> dict[str, Any]:
    return PODS["Job" if name == "bootstrap" else "Deployment", name.replace("_", "-")]


def environment(found: dict[str, Any]) -> dict[str, str]:
    (container,) = found["containers"]
    named = [SETTINGS[one["configMapRef"]["name"]] for one in container.get("envFrom", [])]
    merged = {name: value for one in named for name, value in one.items()}
    return merged | {one["name"]: str(one.get("value", "")) for one in container["env"]}


def secrets(found: dict[str, Any]) -> set[str]:
    sources = [one for volume in found["volumes"] for one in volume.get("projected", {}).get("sources", [])]
    return {item["path"] for one in sources for item in one["secret"]["items"]}


class TestProcesses:
    @pytest.mark.parametrize("name", OF_COMPOSE)
    def test_have_the_command_and_the_settings_of_compose(self, name: str) -> None:
        found, given = environment(pod(name)), COMPOSE[name]["environment"]

        assert pod(name)["containers"][0]["command"] == COMPOSE[name]["command"]
        assert set(found) - ONLY_HERE == set(given)
        assert {key: found[key] for key in given if key not in OTHERWISE} == {
            key: value for key, value in given.items() if key not in OTHERWISE
        }

    def test_are_all_there_and_the_sweep_once_more_for_another_cluster(self) -> None:
        deployed = {name for kind, name in PODS if kind == "Deployment"}

        assert deployed == {name.replace("_", "-") for name in COMMANDS}
        assert set(PODS) - {("Deployment", name) for name in deployed} == {("Job", "bootstrap"), ("CronJob", "sweep")}
        assert environment(PODS["CronJob", "sweep"]).keys() == environment(pod("sweep")).keys() - {"ACCESS_SWEEP_FILE"}
        assert PODS["CronJob", "sweep"]["containers"][0]["command"] == ["python", "manage.py", "sweep"]

    @pytest.mark.parametrize("found", PODS.values(), ids=map(str, PODS))
    def test_can_neither_write_their_code_nor_gain_rights(self, found: dict[str, Any]) -> None:
        rights = found["securityContext"]

        assert (rights["runAsNonRoot"], rights["runAsUser"]) == (True, 10001)
        assert "--uid 10001" in (ROOT / "Dockerfile").read_text()
        assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (found["automountServiceAccountToken"], found["enableServiceLinks"]) == (False, False)
        for container in (*found["containers"], *found.get("initContainers", [])):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert container["resources"]["limits"]["memory"]

    def test_that_can_wait_have_the_smallest_share_of_the_processor(self) -> None:
        def share(name: str) -> int:
            (container,) = pod(name)["containers"]
            return int(container["resources"]["requests"]["cpu"].removesuffix("m"))

        least = max(share(name) for name in NICENESS)
        assert all(share(name) > least for name in (WEB, RELAY, WORKER_URGENT))

    def test_say_whether_they_are_well(self) -> None:
        (web,) = pod("web")["containers"]

        assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
        for name in set(COMMANDS) - {"web"}:
            (container,) = pod(name)["containers"]
            assert container["livenessProbe"]["exec"]["command"] == COMPOSE[name]["healthcheck"]["test"][1:]

    def test_of_the_web_one_is_always_left(self) -> None:
        by_kind = {(one["kind"], one["metadata"]["name"]): one for one in documents()}
        budget, web = by_kind["PodDisruptionBudget", "web"]["spec"], by_kind["Deployment", "web"]["spec"]

        assert budget["selector"] == web["selector"]
        assert 1 <= budget["minAvailable"] < web["replicas"]
        for name in ("web", "relay"):
            strategy = by_kind["Deployment", name]["spec"]["strategy"]
            assert strategy["rollingUpdate"]["maxUnavailable"] == 0, "Two relays do everything once; none, nothing."


class TestSecrets:
    @pytest.mark.parametrize("name", OF_COMPOSE)
    def test_are_those_of_compose_and_its_environment_names_each(self, name: str) -> None:
        has, named = (
            secrets(pod(name)),
            set(re.findall(r"/run/secrets/(\w+)", " ".join(environment(pod(name)).values()))),
        )
        of_its_own_tls = {"ca", "web_certificate", "web_key"} if name == "web" else set()

        assert named <= has
        assert has - named <= {"ca"}
        assert set(COMPOSE[name]["secrets"]) - of_its_own_tls == has - {"slack_signing_secrets", "metrics_token"}

    @pytest.mark.parametrize("found", PODS.values(), ids=map(str, PODS))
    def test_stand_in_files_and_never_in_the_environment(self, found: dict[str, Any]) -> None:
        for name, value in environment(found).items():
            if re.search("KEY|SEED|PASSWORD|TOKEN|SIGNING|_URL", name) and name != "ACCESS_BASE_URL":
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/")
        assert "secretKeyRef" not in str(found)

    def test_of_the_hands_are_their_own_readers_alone(self) -> None:
        """A Secret's volume is open to the pod's group, which the product refuses."""
        for name in ("relay", "worker", "worker_urgent", "sweep"):
            (copying,) = pod(name)["initContainers"]
            volumes = {one["name"]: one for one in pod(name)["volumes"]}

            assert copying["command"][2].startswith("umask 077 && cp ")
            assert volumes["secrets"]["emptyDir"]["medium"] == "Memory", "Secrets are on no disk."

    def test_of_the_sweep_are_the_targets_alone_and_it_reaches_no_database(self) -> None:
        for kind in ("Deployment", "CronJob"):
            assert secrets(PODS[kind, "sweep"]) == {"tag_key", "connections", "ca"}
        policies = {one["metadata"]["name"]: one["spec"] for one in documents() if one["kind"] == "NetworkPolicy"}
        ports = {port["port"] for rule in policies["sweep"]["egress"] for port in rule["ports"]}
        assert ports == {53, 27017, 443}
        assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_of_each_it_is_told_who_holds_it_and_what_its_theft_gives(self) -> None:
        table = (
            (ROOT / "docs" / "security.md").read_text().partition("## Who holds which secret")[2].partition("\n## ")[0]
        )
        paths = {
            name if name in {"ACCESS_TARGETS_FILE", "ACCESS_WEBHOOKS_FILE"} else name.removesuffix("_FILE")
            for found in PODS.values()
            for name, value in environment(found).items()
            if value.startswith("/run/secrets/")
        }

        assert {name for name in paths - {"ACCESS_ANCHOR_PUBLIC_KEY"} if f"(`{name}`)" not in table} == set()

    def test_making_of_each_is_described(self) -> None:
        guide = (MANIFESTS / "README.md").read_text()

        for found in PODS.values():
            for volume in found["volumes"]:
                for source in volume.get("projected", {}).get("sources", []):
                    made = re.search(rf"^make {source['secret']['name']} (.*)$", guide, re.MULTILINE)
                    assert made, source
                    for item in source["secret"]["items"]:
                        assert f"--from-file={item['key']}" in made[1], item


def test_volumes_are_written_by_one_process_each() -> None:
    writers: dict[str, set[str]] = {}
    for (_, name), found in PODS.items():
        claims = {one["name"] for one in found["volumes"] if "persistentVolumeClaim" in one}
        for mount in found["containers"][0]["volumeMounts"]:
            if mount["name"] in claims and not mount.get("readOnly"):
                writers.setdefault(mount["name"], set()).add(name)

    assert writers == {"anchors": {"relay"}, "sweep": {"sweep"}}
