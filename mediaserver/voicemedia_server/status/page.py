"""The page at `/`: the built front end where there is one, else the plain page. Files, not routes.

`/plain` is the plain page in any case: it needs no build and shows how little a client needs.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

HEADERS = {
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
CHECKED_EACH_TIME = "no-cache"
KEPT_FOR_GOOD = "public, max-age=31536000, immutable"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
PLAIN = {"/plain": "index.html", "/page.js": "page.js", "/page.css": "page.css"}


def content_security_policy(connect_sources: Sequence[str] = ()) -> str:
    """What the page may load, and whom it may speak to: its own server, also by WebSocket, and
    `connect_sources`, origins of further servers, each by HTTP and by WebSocket."""
    further = "".join(f" {source} ws{source.removeprefix('http')}" for source in connect_sources)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'{further}; media-src 'self' blob: mediastream:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is served, and the same compressed by gzip."""

    content_type: str
    cache_control: str
    policy: str
    body: bytes
    compressed: bytes

    def headers(self, *, is_compressed: bool) -> dict[str, str]:
        """Of a response that holds the file."""
        encoding = {"Content-Encoding": "gzip"} if is_compressed else {}
        return {
            **HEADERS,
            **encoding,
            "Content-Security-Policy": self.policy,
            "Content-Type": self.content_type,
            "Cache-Control": self.cache_control,
        }


def load_page(
    folder: Traversable | None = None, connect_sources: Sequence[str] = ()
) -> Mapping[str, PageFile]:
    """The files by their paths. `folder` holds `page/` and, where it was built, `dist/`;
    `connect_sources` are the origins of further servers that the page may speak to."""
    policy = content_security_policy(connect_sources)
    folder = files("voicemedia_server.status") if folder is None else folder
    plain, built = folder / "page", folder / "dist"
    found = {path: _load(plain / name, policy) for path, name in PLAIN.items()}
    found["/"] = found["/plain"]
    if (built / "index.html").is_file():
        found["/"] = _load(built / "index.html", policy)
        for asset in (built / "assets").iterdir():
            found[f"/assets/{asset.name}"] = _load(asset, policy, KEPT_FOR_GOOD)
    return found


def is_built(page: Mapping[str, PageFile]) -> bool:
    """Whether `/` is more than the plain page."""
    return page["/"] is not page["/plain"]


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this `Accept-Encoding` can read gzip (RFC 9110 section 12.5.3)."""
    for member in accept_encoding.lower().split(","):
        coding, _, weight = (part.strip() for part in member.partition(";"))
        if coding in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _load(file: Traversable, policy: str, cache_control: str = CHECKED_EACH_TIME) -> PageFile:
    """Its name carries a hash of what is in it where it may be kept for good."""
    body = file.read_bytes()
    suffix = "." + file.name.rpartition(".")[2]
    return PageFile(
        CONTENT_TYPES[suffix], cache_control, policy, body, gzip.compress(body, mtime=0)
    )
