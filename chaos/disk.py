"""A disk that is full where the anchors of the audit trail are written."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator

from chaos.world import ChaosWorld

FULL_SECONDS = 66.0  # an anchor is written each minute


class NoDisk(Exception):
    """This machine lets nobody put a small disk there."""


@contextlib.contextmanager
def full(world: ChaosWorld) -> Iterator[None]:
    """A small file system over the folder, filled to the last byte.

    :raises NoDisk: only root may, and not everywhere.
    """
    folder = world.places.anchor.parent
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        raise NoDisk("There is no mount on this machine.")
    kept = world.places.anchor.read_bytes()
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "chaos", folder], check=False, capture_output=True)
    if made.returncode:
        raise NoDisk(made.stderr.decode(errors="replace").strip())
    try:
        world.places.anchor.write_bytes(kept)
        with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        time.sleep(FULL_SECONDS)
        yield
    finally:
        subprocess.run([umount, folder], check=True)
