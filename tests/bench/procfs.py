"""Reads the texts of /proc that tell what a process and a core used (proc(5)). Pure."""

from __future__ import annotations

from dataclasses import dataclass

IDLE_FIELDS = (3, 4)  # idle and iowait, in the order of proc(5)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds, in kB."""

    rss_kb: int
    pss_kb: int  # its share: memory that others use too counts in part


def process_ticks(stat: str) -> int:
    """User and system time of all threads, from /proc/PID/stat, in clock ticks.

    The name of a process may hold spaces and parentheses; the last one ends it.
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def core_idle_ticks(stat: str, core: int) -> int:
    """How long a core had nothing to do, from /proc/stat. Raises `ValueError` for no such core."""
    for line in stat.splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            return sum(int(fields[place]) for place in IDLE_FIELDS)
    raise ValueError(f"/proc/stat has no core {core}")


def waited_ns(schedstat: str) -> int:
    """How long a thread could have run but its core was taken, from its schedstat in /proc."""
    return int(schedstat.split()[1])


def memory(smaps_rollup: str) -> Memory:
    """From /proc/PID/smaps_rollup. Raises `ValueError` where it says nothing."""
    sizes_kb = {
        name: int(rest.split()[0])
        for name, separator, rest in (line.partition(":") for line in smaps_rollup.splitlines())
        if separator and rest.rstrip().endswith("kB")
    }
    try:
        return Memory(rss_kb=sizes_kb["Rss"], pss_kb=sizes_kb["Pss"])
    except KeyError as missing:
        raise ValueError(f"smaps_rollup has no {missing}") from missing
