"""Guards how one connects with a certificate: an address that drivers take, and commands that name the file only."""

from __future__ import annotations

import shlex

from pymongo import uri_parser

from accessrequests.domain import certificates
from accessrequests.domain.connecting import Place

PLACE = Place(["a.example:27017", "b.example:27017"], {"replicaSet": "rs0"}, cluster="main")


def test_the_address_says_how_one_signs_in_and_wants_tls() -> None:
    parsed = uri_parser.parse_uri(certificates.address(PLACE), warn=False)

    assert parsed["nodelist"] == [("a.example", 27017), ("b.example", 27017)]
    options = parsed["options"]
    assert (options["authMechanism"], options["authSource"], options["tls"]) == ("MONGODB-X509", "$external", True)
    assert options["replicaSet"] == "rs0"


def test_every_way_names_the_file() -> None:
    ways = certificates.ways_to_connect(place=PLACE, username="jit-acme1-alice-7")

    assert [way.key for way in ways] == ["mongosh", "compass", "python", "node", "go", "env"]
    assert all("jit-acme1-alice-7.pem" in way.text + way.hint for way in ways)
    command = shlex.split(ways[0].text)
    assert command[:1] + command[2:] == ["mongosh", "--tlsCertificateKeyFile", "jit-acme1-alice-7.pem"]
    assert command[1] == certificates.address(PLACE)


def test_the_python_snippet_is_python() -> None:
    (snippet,) = (way for way in certificates.ways_to_connect(place=PLACE, username="u") if way.key == "python")

    compile(snippet.text, "snippet", "exec")
