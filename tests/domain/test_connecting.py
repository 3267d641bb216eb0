"""Guards connection strings: nothing in a name or password can change where the string leads."""

from __future__ import annotations

import ast
import shlex
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from accessrequests.domain.connecting import connection_string, ways_to_connect

HOSTS = ["db1.example:27017", "db2.example:27018"]


class TestConnectionString:
    @given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=40))
    def test_leads_to_the_hosts_whatever_the_password(self, username: str, password: str) -> None:
        uri = connection_string(kind="mongodb", hosts=HOSTS, options={}, username=username, password=password)
        parts = urlsplit(uri)
        user, _, secret = parts.netloc.rpartition("@")[0].partition(":")

        assert parts.netloc.rpartition("@")[2] == ",".join(HOSTS)
        assert (unquote(user), unquote(secret)) == (username, password)

    def test_is_what_the_driver_reads(self) -> None:
        uri = connection_string(
            kind="mongodb",
            hosts=HOSTS,
            options={"replicaSet": "rs0"},
            username="jit-acme1-alice-7",
            password="p@:/%?#&= é",
        )

        parsed: dict[str, Any] = parse_uri(uri)

        assert parsed["nodelist"] == [("db1.example", 27017), ("db2.example", 27018)]
        assert (parsed["username"], parsed["password"]) == ("jit-acme1-alice-7", "p@:/%?#&= é")
        assert parsed["options"]["authSource"] == "admin"
        assert parsed["options"]["replicaSet"] == "rs0"

    def test_writes_options_as_they_are_given(self) -> None:
        options = {"authSource": "$external", "appName": "a&b=c"}

        uri = connection_string(kind="mongodb", hosts=HOSTS[:1], options=options, username="u", password="p")

        assert parse_qs(urlsplit(uri).query) == {"authSource": ["$external"], "appName": ["a&b=c"]}

    def test_of_an_atlas_cluster_is_what_the_driver_reads(self) -> None:
        uri = connection_string(
            kind="atlas", hosts=HOSTS, options={"replicaSet": "a", "tls": "true"}, username="u", password="p"
        )

        parsed: dict[str, Any] = parse_uri(uri)

        assert (parsed["options"]["authSource"], parsed["options"]["tls"]) == ("admin", True)

    def test_refuses_a_kind_that_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="kind mysql"):
            connection_string(kind="mysql", hosts=HOSTS, options={}, username="u", password="p")


class TestWaysToConnect:
    def test_names_the_user_and_never_a_password(self) -> None:
        ways = ways_to_connect(kind="mongodb", hosts=HOSTS, options={"replicaSet": "rs0"}, username="jit-a-7")

        assert [way.key for way in ways] == ["mongosh", "compass", "python", "node", "go", "env"]
        assert all("jit-a-7" in way.text and "db1.example:27017,db2.example:27018" in way.text for way in ways)
        compile(ways[2].text, "snippet", "exec")

    def test_nothing_breaks_out_of_its_place(self) -> None:
        ways = ways_to_connect(kind="mongodb", hosts=['h";evil()//'], options={}, username="a'; rm -rf / #\"")
        texts = {way.key: way.text for way in ways}

        assert shlex.split(texts["mongosh"])[-1] == "a'; rm -rf / #\""
        calls = [node for node in ast.walk(ast.parse(texts["python"])) if isinstance(node, ast.Call) and node.args]
        assert ast.literal_eval(calls[0].args[0]) == 'mongodb://h";evil()///?authSource=admin'

    def test_has_none_for_a_kind_that_it_does_not_know(self) -> None:
        assert ways_to_connect(kind="mysql", hosts=HOSTS, options={}, username="u") == []
