"""The namespaces in which a cluster lives: its processes, its mounts, its network.

A wire leads from the machine to the node; pods and services are behind it. The first process does
nothing but reap. When it ends the kernel ends every other, and takes the mounts, bridges and
firewall rules with them: nothing that runs inside can be left behind.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster import processes
from cluster.commands import CommandFailed, run
from cluster.place import (
    LINK,
    MACHINE_IP,
    NODE_IP,
    POD_NETWORK,
    SERVICE_NETWORK,
    WIRE_BITS,
    Place,
)
from cluster.processes import Process

START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 20.0
HIDDEN = ("/run", "/var/lib", "/var/log")
"""Folders in which daemons write by habit: inside they are empty, and in memory."""


class EnclosureFailed(Exception):
    """The namespaces could not be made or left."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """`init` is its first process, by the machine's number; `outside` our child that waits for
    it, if this process started it."""

    init: Process
    outside: subprocess.Popen[bytes] | None = None

    def command(self, *words: str | Path) -> list[str]:
        """The same command, inside."""
        entering = ["nsenter", "--target", str(self.init.pid), "--mount", "--net", "--pid", "--"]
        return [*entering, *(str(word) for word in words)]

    def run(self, *words: str | Path, given: str | None = None, timeout_s: float = 60) -> str:
        """What a command inside says. Raises `CommandFailed`."""
        return run(*self.command(*words), given=given, timeout_s=timeout_s)

    def child(self, inner_pid: int) -> Process | None:
        """The child of its first process that has this number inside."""
        for pid in processes.children_of(self.init.pid):
            if processes.innermost_pid(pid) == inner_pid:
                return processes.of(pid)
        return None


def start(place: Place, pause: Path, *, is_tied: bool) -> Enclosure:
    """Bare namespaces, which end with this process if they are tied to it.

    Raises `EnclosureFailed`.
    """
    tie = ("setpriv", "--pdeathsig", "KILL") if is_tied else ()
    with place.log_of("enclosure").open("wb") as log:
        outside = subprocess.Popen(
            [
                *(*tie, "unshare", "--mount", "--net", "--pid", "--fork"),
                *("--kill-child", "--mount-proc", str(pause)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    init = _init_of(outside, pause)
    if init is None:
        outside.kill()
        outside.wait()
        raise EnclosureFailed("unshare: " + place.log_of("enclosure").read_text().strip())
    init.write(place.init_file)
    return Enclosure(init, outside)


def running(place: Place) -> Enclosure | None:
    """The one that the files tell of, if it lives."""
    init = processes.read(place.init_file)
    return Enclosure(init) if init is not None and init.is_alive else None


def end(enclosure: Enclosure) -> None:
    """Returns when nothing inside runs any more. Raises `EnclosureFailed`."""
    enclosure.init.signal(signal.SIGKILL)
    if not enclosure.init.wait(END_TIMEOUT_S):
        raise EnclosureFailed(f"the enclosure's first process ({enclosure.init.pid}) does not end")
    if enclosure.outside is not None:
        enclosure.outside.wait(END_TIMEOUT_S)


def _init_of(outside: subprocess.Popen[bytes], pause: Path) -> Process | None:
    """The child of `unshare`, once it has become the program."""
    until_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until_s and outside.poll() is None:
        for pid in processes.children_of(outside.pid):
            if processes.program_of(pid) == pause.resolve():
                return processes.of(pid)
        time.sleep(processes.POLL_S)
    return None


def furnish(enclosure: Enclosure) -> None:
    """Hides the machine's folders and lays the wire. Raises `CommandFailed`."""
    for folder in HIDDEN:
        enclosure.run("mount", "-t", "tmpfs", "tmpfs", folder)
    enclosure.run("mount", "--make-rshared", "/")  # what the kubelet expects of the root
    for words in _wire(enclosure.init.pid):
        run(*words)
    for words in _inside():
        enclosure.run(*words)


def _wire(pid: int) -> Iterator[list[str]]:
    """From the machine to the node, which is the way to pods and services."""
    yield ["ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", str(pid)]
    yield ["ip", "address", "add", f"{MACHINE_IP}/{WIRE_BITS}", "dev", LINK]
    yield ["ip", "link", "set", LINK, "up"]
    for network in (POD_NETWORK, SERVICE_NETWORK):
        yield ["ip", "route", "add", network, "via", NODE_IP, "dev", LINK]


def _inside() -> Iterator[list[str]]:
    yield ["ip", "link", "set", "lo", "up"]
    yield ["ip", "address", "add", f"{NODE_IP}/{WIRE_BITS}", "dev", "eth0"]
    yield ["ip", "link", "set", "eth0", "up"]
    yield ["ip", "route", "add", "default", "via", MACHINE_IP]
    yield ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]


def wire_is_there() -> bool:
    """The machine's end of a cluster's wire exists."""
    try:
        run("ip", "link", "show", LINK)
    except CommandFailed:
        return False
    return True
