"""What people read at the start: where everything is, and what others could do with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from voicemedia_server.config.settings import Settings
from voicemedia_server.config.values import join_port
from voicemedia_server.ports import Endpoint
from voicemedia_server.websocket.routes import PATHS
from voicemedia_server.whip.routes import ENDPOINT


def exposures(settings: Settings) -> Iterator[str]:
    """What others than this machine could do with a server that is set up like this."""
    if not settings.http.is_loopback:
        if settings.auth_mode == "none":
            yield "anyone who reaches the HTTP port may call; set auth_mode"
        if settings.tls_cert_file is None and not settings.trusted_proxies:
            yield "HTTP is not encrypted; put TLS before it or set tls_cert_file"
    is_open = settings.admin is not None and not settings.admin.is_loopback
    if is_open and settings.admin_token_file is None:
        yield "the admin port is open to others and asks for no token; set admin_token_file"


def greeting(
    version: str, base_url: str, admin_url: str | None, endpoints: Sequence[Endpoint]
) -> str:
    """What people read when the server is ready."""
    media = endpoints[0]
    kinds = "UDP and TCP" if any(end.is_tcp for end in endpoints) else "UDP"
    lines = [
        f"voicemedia {version} is ready; Ctrl-C drains and leaves",
        f"  page     {base_url}/",
        f"  WHIP     {base_url}{ENDPOINT}",
        f"  WS       {base_url.replace('http', 'ws', 1)}{PATHS[0]}",
        f"  metrics  {base_url}/metrics",
        f"  media    {kinds} {join_port(media.host, media.port)}",
    ]
    if admin_url is not None:
        lines.append(f"  admin    {admin_url} (POST /drain, /undrain)")
    return "\n".join(lines)


def tell(text: str) -> None:
    """Prints for people. Whoever read it may be gone (`| head`): the server goes on without."""
    try:
        print(text, flush=True)
    except OSError:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
