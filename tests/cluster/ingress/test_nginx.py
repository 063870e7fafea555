"""A real nginx does what the routes say, in front of real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from cluster.ingress.nginx import Door, configuration
from cluster.ingress.routes import Match, Route
from interop.server_process import until
from mediaserver.registry.redis_server import free_port

pytestmark = pytest.mark.system


async def tell(request: web.Request) -> web.StreamResponse:
    """Who was asked, for what, and how the client was described; a WebSocket is echoed."""
    if request.headers.get("Upgrade"):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{request.path} {message.data}")
        return socket
    headers = {name: request.headers.get(name, "") for name in ("Host", "X-Forwarded-For")}
    return web.json_response({"name": request.app[NAME], "path": request.path, **headers})


NAME = web.AppKey("name", str)


@asynccontextmanager
async def pods(*names: str) -> AsyncIterator[list[str]]:
    """Servers that tell their names; gives their addresses."""
    async with AsyncExitStack() as stack:
        ends = []
        for name in names:
            app = web.Application()
            app[NAME] = name
            app.router.add_route("*", "/{rest:.*}", tell)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            ends.append(f"127.0.0.1:{runner.addresses[0][1]}")
        yield ends


@asynccontextmanager
async def nginx(folder: Path, routes: Sequence[Route]) -> AsyncIterator[str]:
    """Its URL."""
    address = f"127.0.0.1:{free_port()}"
    config = folder / "nginx.conf"
    config.write_text(configuration(Door(address, folder), routes))
    process = await asyncio.create_subprocess_exec("nginx", "-c", str(config))
    try:

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection(*address.split(":"))
            except OSError:
                return False
            writer.close()
            return True

        await until(listens, what="nginx to listen")
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()


def a_route(path: str, *ends: str, match: Match = Match.PREFIX, host: str = "") -> Route:
    return Route(host, match, path, ends)


async def who(url: str, **headers: str) -> str | int:
    """The name of the server that answered, or the status of the refusal."""
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return (await answer.json())["name"] if answer.status == 200 else answer.status


async def test_the_longest_prefix_of_whole_elements_wins(tmp_path: Path) -> None:
    async with pods("page", "whip", "session") as (page, whip, session):
        routes = [a_route("/", page), a_route("/whip", whip), a_route("/whip/sessions", session)]
        async with nginx(tmp_path, routes) as url:
            asked = ["/", "/whipped", "/whip", "/whip/x", "/whip/sessions/1"]

            answered = [await who(url + path) for path in asked]

    assert answered == ["page", "page", "whip", "whip", "session"]


async def test_an_exact_path_goes_before_a_prefix(tmp_path: Path) -> None:
    async with pods("prefix", "exact") as (prefix, exact):
        routes = [a_route("/a", prefix), a_route("/a", exact, match=Match.EXACT)]
        async with nginx(tmp_path, routes) as url:
            answered = [await who(url + path) for path in ("/a", "/a/b")]

    assert answered == ["exact", "prefix"]


async def test_a_host_has_its_own_routes_and_a_star_is_one_label(tmp_path: Path) -> None:
    async with pods("any", "named", "starred") as (any_host, named, starred):
        routes = [
            a_route("/", any_host),
            a_route("/", named, host="calls.example"),
            a_route("/", starred, host="*.calls.example"),
        ]
        async with nginx(tmp_path, routes) as url:
            hosts = ["x.example", "calls.example", "eu.calls.example", "a.b.calls.example"]

            answered = [await who(url, Host=host) for host in hosts]

    assert answered == ["any", "named", "starred", "any"]


async def test_requests_are_shared_among_the_pods(tmp_path: Path) -> None:
    async with pods("one", "two") as ends, nginx(tmp_path, [a_route("/", *ends)]) as url:
        answered = [await who(url) for _ in range(6)]

    assert sorted(answered, key=str) == ["one"] * 3 + ["two"] * 3


async def test_a_pod_that_does_not_listen_costs_no_request(tmp_path: Path) -> None:
    async with pods("alive") as (alive,):
        routes = [a_route("/", alive, f"127.0.0.1:{free_port()}")]
        async with nginx(tmp_path, routes) as url:
            answered = [await who(url) for _ in range(4)]

    assert answered == ["alive"] * 4


async def test_nobody_ready_is_503_and_no_route_404(tmp_path: Path) -> None:
    async with nginx(tmp_path, [a_route("/whip")]) as url:
        assert await who(f"{url}/whip") == 503
        assert await who(f"{url}/other") == 404


async def test_a_websocket_is_upgraded_and_carried_both_ways(tmp_path: Path) -> None:
    async with (
        pods("one") as ends,
        nginx(tmp_path, [a_route("/v2/ws", *ends)]) as url,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/v2/ws") as socket,
    ):
        await socket.send_str("hello")

        assert await socket.receive_str() == "/v2/ws hello"


async def test_a_pod_is_told_who_asked_and_for_which_host(tmp_path: Path) -> None:
    async with (
        pods("one") as ends,
        nginx(tmp_path, [a_route("/", *ends)]) as url,
        aiohttp.ClientSession() as http,
        http.get(url, headers={"Host": "calls.example", "X-Forwarded-For": "made-up"}) as answer,
    ):
        told = await answer.json()

    assert (told["Host"], told["X-Forwarded-For"]) == ("calls.example", "127.0.0.1")


async def test_a_path_cannot_break_out_of_the_configuration(tmp_path: Path) -> None:
    async with pods("one", "rest") as (one, rest):
        routes = [a_route('/a"; } evil {', one), a_route("/", rest)]
        async with nginx(tmp_path, routes) as url:
            assert await who(f"{url}/b") == "rest"
