"""Guards the alert rules and the dashboard: every number in them is one that we give, and every alert says what to do."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import Grant, OutboxMessage, Target
from tests import make
from tests.api.world import active_grant
from tests.make import Cast
from workers.anchor import write_anchor
from workers.sweep import Sweeps

ROOT = Path(__file__).resolve().parent.parent
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "docs" / "deploy" / "prometheus-rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "docs" / "deploy" / "grafana-dashboard.json").read_text())
METRIC = re.compile(r"\baccess_[a-z_]+")
LABEL = re.compile(r"(?:by \(|\{)([a-z]+)")


def shown() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def anchors(of: str) -> set[str]:
    """The headings of a page, and what it anchors itself, as links name them."""
    text = (ROOT / of).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def page(cast: Cast, settings: Settings, tmp_path: Path) -> str:
    """What Prometheus would read of an installation on which everything has happened once, and of its sweep."""
    key = Ed25519PrivateKey.generate()
    settings.ACCESS_ANCHOR_FILE, settings.ACCESS_SWEEP_FILE = str(tmp_path / "anchors"), str(tmp_path / "sweep.jsonl")
    settings.ACCESS_ANCHOR_SEED = base64.urlsafe_b64encode(key.private_bytes_raw()).decode()
    settings.ACCESS_ANCHOR_PUBLIC_KEY = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode()
    connections = tmp_path / "connections.yaml"
    connections.touch(mode=0o600)
    connections.write_text("targets: {broken: {kind: none}}")
    settings.ACCESS_TARGETS_FILE = str(connections)
    grant, now = active_grant(cast), make.now()
    ended = {"state": "revoking", "end_reason": "revoked", "revocation_started_at": now}
    Grant.objects.filter(pk=grant.pk).update(**ended, cut_at=now + timedelta(seconds=1))
    Target.objects.update(clock_skew=0.1)
    sign = {"job": Job.PROVE_ALIVE, "queue": "notify", "lane": "sign", "created_at": now, "ready_at": now}
    OutboxMessage.objects.create(**sign, subject="consumer/relay", done_at=now)
    write_anchor()
    Sweeps().round()
    return Client().get("/metrics").content.decode() + (tmp_path / "sweep.prom").read_text()


def test_every_number_in_them_is_one_that_we_give_with_the_labels_they_ask_for(page: str) -> None:
    given: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(access_\w+)(?:\{(.*)\})? ", page, re.MULTILINE):
        given.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    asked = [*(rule["expr"] for rule in RULES), *shown()]

    for expression in asked:
        (name,) = set(METRIC.findall(expression))
        assert name in given, expression
        assert set(LABEL.findall(expression)) <= given[name], expression
    assert set(given) == {METRIC.findall(expression)[0] for expression in asked} | {
        "access_suspicions",
        "access_audit_head",
        "access_sweep_ended",
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    assert anchor in anchors(page)


def test_alerts_have_names_of_their_own_and_panels_their_words() -> None:
    names = [rule["alert"] for rule in RULES]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(set(names)) == len(names)
    assert len(set(numbers)) == len(numbers)
    assert all(panel["title"] and panel["description"] for panel in DASHBOARD["panels"])
    assert all(rule["alert"] in (ROOT / "docs" / "operating.md").read_text() for rule in RULES)
