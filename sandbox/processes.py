"""Starts child processes that cannot outlive us, and finds loopback ports that nobody else will take."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_LOWEST_CEILING = 20_000  # Below this there would be too few ports left above the well-known ones.

# The kernel sends the parent-death signal when the *thread* that forked ends, not the process. All our children are
# therefore forked by this one thread, which lives as long as we do; whoever asks may be a thread that ends soon.
_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    log: Path | None = None,
    streams: Sequence[int] = (),
    uid: int | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; it gets `death_signal` when we die, however we die.

    It writes to `log`, or has the three `streams`: where it reads, writes and complains.
    """

    def fork() -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as opened:
            if log is not None:
                output = opened.enter_context(log.open("ab")).fileno()
                reads, writes, complains = subprocess.DEVNULL, output, output
            else:
                reads, writes, complains = streams
            opened.enter_context(warnings.catch_warnings())
            # Newer Pythons warn of threads at every fork with a preexec_fn; ours is one call into libc.
            warnings.simplefilter("ignore", DeprecationWarning)
            return subprocess.Popen(
                [str(part) for part in argv],
                stdin=reads,
                stdout=writes,
                stderr=complains,
                env=dict(environment),
                cwd=directory,
                umask=0o077,
                user=uid,
                group=uid,
                extra_groups=None if uid is None else [],
                # Ctrl-C in a terminal reaches the whole foreground group; we end our children ourselves, in order.
                start_new_session=True,
                # Runs after the change of user, which would clear the death signal again.
                preexec_fn=_die_with(os.getpid(), death_signal),  # noqa: PLW1509 - one call into libc, no lock taken
            )

    return _FORKER.submit(fork).result()


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def arrange() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # The parent died between the fork and this line.
                os._exit(1)

    return arrange


def yield_to_others(process: subprocess.Popen[bytes], niceness: int) -> None:
    """Let others have the processor first. Where each session is a group of its own, its group's niceness is the one
    that counts (sched(7), "The autogroup feature").
    """
    os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text(str(niceness), encoding="ascii")


def end(process: subprocess.Popen[bytes], *, stop_signal: signal.Signals, patience: float) -> None:
    """Ask the process to stop, insist after `patience` seconds, and reap it."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        # A stopped (SIGSTOP) process keeps our signal until it is let go on.
        process.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
    if process.poll() is None:
        process.kill()
    process.wait()


class PortReservation:
    """A free loopback port that no other world on this machine picks while we hold it, even while our server is down.

    It lies below the range of ephemeral ports: a client that keeps calling a stopped server on an ephemeral port can
    get that very port as its own source port, and the server could never come back to it.
    """

    def __init__(self, port: int | None = None) -> None:
        self._hold: int | None = None
        self.port = self._take(port) if port is not None else self._search()

    def _search(self) -> int:
        chance = random.SystemRandom()  # Never the seeded generator: parallel test processes share its seed.
        ceiling = _first_ephemeral_port()
        for _ in range(500):
            with contextlib.suppress(OSError):
                return self._take(chance.randrange(ceiling // 2, ceiling))
        raise OSError("No free loopback port was found below the ephemeral ports. Close some programs and try again.")

    def _take(self, port: int) -> int:
        hold = _hold_name(f"access-requests-sandbox-port-{port}")
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            self._hold = hold
            self.release()
            raise
        self._hold = hold
        return port

    def release(self) -> None:
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


def _hold_name(name: str) -> int | None:
    """Claim a name among all processes of this machine, for as long as the returned file descriptor is open.

    :raises OSError: somebody else has it.
    """
    if sys.platform != "linux":
        return None
    # A name in the abstract namespace vanishes with its last owner, so it never needs cleaning up. Only the number is
    # kept: a forgotten one ends with the process and warns nobody when it is collected.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hold:
        hold.bind(f"\0{name}")
        return hold.detach()


def _first_ephemeral_port() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        return max(first, _LOWEST_CEILING)
    return 32_768


def is_reachable_for(path: Path, *, uid: int) -> bool:
    """Whether that user may enter `path` and every folder above it, judged by the permission bits for others."""
    for folder in (path, *path.parents):
        status = folder.stat()
        if status.st_uid != uid and not status.st_mode & 0o001:
            return False
    return True


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's unprivileged user can reach when we are root; it is removed at the end."""
    # Only places; mkdtemp makes a folder of our own in one of them.
    candidates = [Path(tempfile.gettempdir()), *(Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm"))]  # nosec B108
    if os.geteuid() == 0:
        candidates = [place for place in candidates if place.is_dir() and is_reachable_for(place, uid=NOBODY)]
    if not candidates:
        raise OSError("No temporary directory is open to other users. Set TMPDIR to one that is, such as /tmp.")
    directory = Path(tempfile.mkdtemp(prefix="access-requests-", dir=candidates[0])).resolve()
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield directory
    finally:
        rmtree(directory, ignore_errors=True)
