"""How a person connects with a certificate: the address, commands that name the file, and what is said of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from urllib.parse import urlencode

from accessrequests.domain.connecting import Place, Way

ONCE = "A certificate is made once for each access. If yours is lost, ask again; the new access has one of its own."


def address(place: Place) -> str:
    """A URI that drivers take together with the file (MongoDB manual, "Connection String URI Format", MONGODB-X509)."""
    said = {**place.options, "authSource": "$external", "authMechanism": "MONGODB-X509", "tls": "true"}
    return f"mongodb://{','.join(place.hosts)}/?{urlencode(said)}"


def file_of(username: str) -> str:
    """What the file of certificate and key is called when it is saved."""
    return f"{username}.pem"


def ways_to_connect(*, place: Place, username: str) -> Sequence[Way]:
    """Commands and snippets. None holds the certificate or its key, which stay in their file."""
    uri, file = address(place), file_of(username)
    quoted, named = json.dumps(uri), json.dumps(file)
    keep = f"{file} holds certificate and key. Keep it readable for yourself alone: chmod 600 {file}."
    return (
        Way("mongosh", "mongosh", f"mongosh {shlex.quote(uri)} --tlsCertificateKeyFile {shlex.quote(file)}", keep),
        Way(
            "compass", "Compass", uri, f"Paste it as the URI, then choose {file} under TLS, Client Certificate and Key."
        ),
        Way(
            "python",
            "Python",
            f"from pymongo import MongoClient\n\nclient = MongoClient({quoted}, tlsCertificateKeyFile={named})",
            keep,
        ),
        Way(
            "node",
            "Node.js",
            'import { MongoClient } from "mongodb";\n\n'
            f"const client = new MongoClient({quoted}, {{ tlsCertificateKeyFile: {named} }});",
            keep,
        ),
        Way(
            "go",
            "Go",
            f"client, err := mongo.Connect(options.Client().ApplyURI(\n\t{quoted} +\n"
            f"\t\t{json.dumps('&' + urlencode({'tlsCertificateKeyFile': file}))}))",
            keep,
        ),
        Way(
            "env",
            "Env file",
            f"MONGODB_URI={shlex.quote(uri)}\nMONGODB_CERTIFICATE_KEY_FILE={shlex.quote(file)}",
            keep,
        ),
    )
