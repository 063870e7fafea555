"""A configuration of nginx for routes. Pure: text out.

As the usual controllers do it: the client's address and host are told in header fields, WebSocket
upgrades pass, answers are passed on as they come (event streams), a path without a ready pod
answers 503, one without a route 404.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cluster.ingress.routes import Match, Route

WORKERS = 1


@dataclass(frozen=True, slots=True)
class Door:
    """Where nginx listens, and the folder for what it writes."""

    address: str
    folder: Path


def configuration(door: Door, routes: Iterable[Route]) -> str:
    """The whole file."""
    ordered = sorted(routes, key=lambda route: route.host)
    numbered = list(enumerate(ordered))
    lines = [*_head(door)]
    for number, route in numbered:
        if route.ends:
            lines.append(f"  upstream ends_{number} {{")
            lines += [f"    server {end} max_fails=0;" for end in route.ends]
            lines.append("  }")
    hosts = {host: list(group) for host, group in groupby(numbered, lambda pair: pair[1].host)}
    for host in sorted({"", *hosts}):
        lines += _server(door, host, hosts.get(host, []))
    return "\n".join([*lines, "}", ""])


def _head(door: Door) -> Iterator[str]:
    yield f"worker_processes {WORKERS};"
    yield f"pid {door.folder}/nginx.pid;"
    yield "error_log stderr warn;"
    yield "daemon off;"
    yield "user root;"  # its folder is closed to others
    yield "events { worker_connections 4096; }"
    yield "http {"
    yield "  access_log off;"
    yield "  server_tokens off;"
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        yield f"  {kind}_temp_path {door.folder}/{kind};"
    yield "  map $http_upgrade $connection_wanted { default upgrade; '' ''; }"


def _server(door: Door, host: str, numbered: list[tuple[int, Route]]) -> Iterator[str]:
    """The server without a name takes what no other takes."""
    yield "  server {"
    yield f"    listen {door.address}{'' if host else ' default_server'};"
    yield f"    server_name {_server_name(host)};"
    told: set[str] = set()
    for number, route in sorted(numbered, key=lambda pair: pair[1].match):
        for location in _locations(route):
            if location not in told:  # Exact comes first, and goes before Prefix
                told.add(location)
                yield f"    location {location} {{"
                yield from (f"      {line}" for line in _answer(number, route))
                yield "    }"
    if "/" not in told:
        yield "    location / { return 404; }"
    yield "  }"


def _server_name(host: str) -> str:
    """A star stands for one label of the name, unlike nginx's own."""
    if host.startswith("*."):
        return '"~^[^.]+' + host[1:].replace(".", r"\.") + '$"'
    return host or "_"


def _locations(route: Route) -> Iterator[str]:
    """A prefix that is an element's end needs two: `/whip` is not `/whipped`."""
    path = route.path.replace("\\", r"\\").replace('"', r"\"")
    if route.match is Match.PREFIX and path == "/":
        yield "/"
    else:
        yield f'= "{path}"'
        if route.match is Match.PREFIX:
            yield f'"{path}/"'


def _answer(number: int, route: Route) -> Iterator[str]:
    if not route.ends:
        yield "return 503;"
        return
    yield f"proxy_pass http://ends_{number};"
    yield "proxy_http_version 1.1;"
    yield "proxy_buffering off;"
    yield "proxy_set_header Host $http_host;"
    yield "proxy_set_header Upgrade $http_upgrade;"
    yield "proxy_set_header Connection $connection_wanted;"
    yield "proxy_set_header X-Real-IP $remote_addr;"
    yield "proxy_set_header X-Forwarded-For $remote_addr;"
    yield "proxy_set_header X-Forwarded-Host $http_host;"
    yield "proxy_set_header X-Forwarded-Proto $scheme;"
