"""Reads a YAML document that a person wrote, strictly, and knows at which line and column everything in it stands."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml
from typing_extensions import override

from accessrequests.domain.tables import Finding


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, counted from one as editors do."""

    line: int
    column: int


class Unreadable(ValueError):
    """The text is not one YAML document. As a string it is the tail of a sentence, with the place where that is known."""

    def __init__(self, problem: str, place: Place | None) -> None:
        where = f"line {place.line}, column {place.column}" if place else "somewhere"
        super().__init__(f"is not YAML ({where}): {problem}.")
        self.problem = problem
        self.place = place or Place(1, 1)


@dataclass(frozen=True, slots=True)
class Written:
    """The values of a document, and the nodes that they were read from."""

    values: Any
    node: yaml.Node | None

    def place_of(self, finding: Finding) -> Place:
        """Where the value (or, where that is wrong, the key) stands; as near as can be when it is not there at all."""
        node, key = self.node, self.node
        for step in finding.path:
            below = _below(node, step)
            if below is None:
                break
            key, node = below
        found = key if finding.is_key else node
        return Place(found.start_mark.line + 1, found.start_mark.column + 1) if found is not None else Place(1, 1)


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would quietly keep the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable) and name in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {name!s} is written twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def read(text: str) -> Written:
    """:raises Unreadable: when it is not one YAML document."""
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        return Written(None if node is None else loader.construct_document(node), node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(mark.line + 1, mark.column + 1) if mark else None
        raise Unreadable(getattr(error, "problem", None) or str(error).splitlines()[0], place) from error


def _below(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value one step further down."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
