"""Guards webhooks: signed, to no address inside our own network, without redirects, within seconds; and the file of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.workers.receiver import SECRET, Receiver, entry, written
from workers.channels import webhook
from workers.channels.webhook import NotDelivered
from workers.provisioners.connection_entry import InvalidConnection
from workers.receivers import receivers

EVENT = {"id": "acme1-7", "type": "breakglass.activated", "data": {"reason": "Überlauf"}}


@pytest.fixture(autouse=True)
def in_a_sandbox(settings: Settings) -> None:
    settings.ACCESS_SANDBOX = os.getpid()


def post(settings: Settings, directory: Path, url: str, **more: Any) -> None:
    settings.ACCESS_WEBHOOKS_FILE = written(directory, pager=entry(url, **more))
    webhook.post(receivers()["pager"], EVENT, now=1_700_000_000)


class TestPost:
    def test_is_signed_with_its_moment(self, settings: Settings, tmp_path: Path) -> None:
        with Receiver().listening() as receiver:
            post(settings, tmp_path, receiver.url)

        ((headers, body),) = receiver.heard
        signed = b"acme1-7.1700000000." + body
        proof = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{proof}"
        assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("acme1-7", "1700000000")
        assert headers["content-type"] == "application/cloudevents+json"
        assert receiver.events == [EVENT]

    @pytest.mark.parametrize("status", [302, 400, 503])
    def test_takes_nothing_but_2xx_and_follows_nobody(self, settings: Settings, tmp_path: Path, status: int) -> None:
        with Receiver().listening() as receiver:
            receiver.status = status
            with pytest.raises(NotDelivered, match=f"pager answered with {status}"):
                post(settings, tmp_path, receiver.url)

        assert len(receiver.heard) == 1

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "[::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "0.0.0.0",
        ],
    )
    def test_goes_nowhere_inside_our_own_network(self, settings: Settings, tmp_path: Path, host: str) -> None:
        with pytest.raises(NotDelivered, match="inside our own network"):
            post(settings, tmp_path, f"http://{host}:9/", is_internal=False)

    def test_looks_at_what_a_name_means_before_it_connects(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One good address among others is not enough: which one is taken would be luck."""
        places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("93.184.215.14", "10.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: places)
        with pytest.raises(NotDelivered, match="inside our own network"):
            post(settings, tmp_path, "https://hooks.example.com/", is_internal=False)

    def test_never_goes_where_clouds_keep_their_secrets(self, settings: Settings, tmp_path: Path) -> None:
        with pytest.raises(NotDelivered, match="inside our own network"):
            post(settings, tmp_path, "http://169.254.169.254/latest/", is_internal=True)

    def test_gives_up_on_who_is_not_there(self, settings: Settings, tmp_path: Path) -> None:
        with pytest.raises(NotDelivered, match="could not be reached"):
            post(settings, tmp_path, "http://127.0.0.1:9/")

    def test_hangs_up_on_who_answers_one_byte_at_a_time(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webhook, "SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as slow:
            over = threading.Event()

            def drip() -> None:
                connected, _ = slow.accept()
                with connected:
                    while not over.wait(0.05):
                        try:
                            connected.sendall(b"H")
                        except OSError:
                            return

            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            began = time.monotonic()
            with pytest.raises(NotDelivered):
                post(settings, tmp_path, f"http://127.0.0.1:{slow.getsockname()[1]}/")
            over.set()
            thread.join()
        assert time.monotonic() - began < 5

    def test_sends_nothing_too_large(self, settings: Settings, tmp_path: Path) -> None:
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry("http://127.0.0.1:9/"))
        with pytest.raises(NotDelivered, match="larger than 64 kB"):
            webhook.post(receivers()["pager"], {"id": "1", "data": "x" * 70_000}, now=0)


class TestFile:
    def test_may_be_left_out(self, settings: Settings) -> None:
        settings.ACCESS_WEBHOOKS_FILE = ""
        assert receivers() == {}

    def test_takes_a_secret_from_a_file_of_its_own(self, settings: Settings, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.touch(mode=0o600)
        secret.write_text(f"{SECRET}\n")
        given = {"url": "https://hooks.example.com/", "secret_file": "secret", "types": ["grant.*"]}
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=given)
        made = receivers()["pager"]
        assert (made.secret, made.types, made.is_internal) == (SECRET, ("grant.*",), False)
        assert SECRET not in repr(made)

    @pytest.mark.parametrize(
        ("name", "changes", "said"),
        [
            ("pager", {"secret": "short"}, "at least 32"),
            ("pager", {"url": "https://user:pass@hooks.example.com/"}, "https://"),
            ("pager", {"url": "ftp://hooks.example.com/"}, "https://"),
            ("pager", {"url": "https://[::1"}, "https://"),
            ("pager", {"types": "grant.*"}, "list of events"),
            ("pager", {"is_internal": "yes"}, "true or false"),
            ("pager", {"retries": 3}, "not a field"),
            ("P a", {}, "needs a name"),
        ],
    )
    def test_says_what_is_wrong_and_never_a_secret(
        self, settings: Settings, tmp_path: Path, name: str, changes: dict[str, Any], said: str
    ) -> None:
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, **{name: {**entry("https://a.example.com/"), **changes}})
        with pytest.raises(InvalidConnection, match=said) as caught:
            receivers()
        assert SECRET not in str(caught.value)
        assert "pass@" not in str(caught.value)

    def test_is_nobody_elses_to_read(self, settings: Settings, tmp_path: Path) -> None:
        path = Path(written(tmp_path))
        path.chmod(0o644)
        settings.ACCESS_WEBHOOKS_FILE = str(path)
        with pytest.raises(InvalidConnection, match="chmod 600"):
            receivers()

    @pytest.mark.parametrize("text", ["receivers: [", "other: {}", "receivers: []"])
    def test_is_a_mapping_of_receivers(self, settings: Settings, tmp_path: Path, text: str) -> None:
        path = Path(written(tmp_path))
        path.write_text(text)
        settings.ACCESS_WEBHOOKS_FILE = str(path)
        with pytest.raises(InvalidConnection, match="one mapping named receivers"):
            receivers()

    def test_takes_no_plain_http_outside_a_sandbox(self, settings: Settings, tmp_path: Path) -> None:
        settings.ACCESS_SANDBOX = 0
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry("http://hooks.example.com/"))
        with pytest.raises(InvalidConnection, match="https://"):
            receivers()
