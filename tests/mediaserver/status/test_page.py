"""Which files the page has, and how long a browser may keep each."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from voicemedia_server.status.page import (
    accepts_gzip,
    content_security_policy,
    is_built,
    load_page,
)


def write_plain(folder: Path) -> None:
    (folder / "page").mkdir()
    for name in ("index.html", "page.js", "page.css"):
        (folder / "page" / name).write_text(f"plain {name}")


def write_built(folder: Path) -> None:
    (folder / "dist" / "assets").mkdir(parents=True)
    (folder / "dist" / "index.html").write_text("built page")
    (folder / "dist" / "assets" / "main-abc123.js").write_text("built script")


def test_without_a_build_the_plain_page_is_the_page(tmp_path: Path) -> None:
    write_plain(tmp_path)

    page = load_page(tmp_path)

    assert page["/"].body == b"plain index.html"
    assert not is_built(page)


def test_a_built_page_takes_the_plain_ones_place_and_leaves_it_at_its_own(tmp_path: Path) -> None:
    write_plain(tmp_path)
    write_built(tmp_path)

    page = load_page(tmp_path)

    assert page["/"].body == b"built page"
    assert page["/plain"].body == b"plain index.html"
    assert is_built(page)


def test_what_has_a_hash_in_its_name_is_kept_for_good_and_nothing_else(tmp_path: Path) -> None:
    write_plain(tmp_path)
    write_built(tmp_path)

    kept = {path for path, file in load_page(tmp_path).items() if "immutable" in file.cache_control}

    assert kept == {"/assets/main-abc123.js"}


def test_every_file_comes_with_a_policy_and_its_type(tmp_path: Path) -> None:
    write_plain(tmp_path)
    write_built(tmp_path)

    for file in load_page(tmp_path).values():
        headers = file.headers(is_compressed=False)
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Content-Type"].endswith("; charset=utf-8")
        assert headers["X-Content-Type-Options"] == "nosniff"


def connect_sources(policy: str) -> list[str]:
    (directive,) = (part for part in policy.split("; ") if part.startswith("connect-src"))
    return directive.split()[1:]


def test_the_page_may_speak_to_its_own_server_alone(tmp_path: Path) -> None:
    write_plain(tmp_path)

    headers = load_page(tmp_path)["/"].headers(is_compressed=False)

    assert connect_sources(headers["Content-Security-Policy"]) == ["'self'"]


def test_the_page_may_speak_to_further_servers_by_both_transports(tmp_path: Path) -> None:
    write_plain(tmp_path)

    page = load_page(tmp_path, ["https://eu.example.org", "http://127.0.0.1:8081"])

    policy = page["/"].headers(is_compressed=False)["Content-Security-Policy"]
    assert connect_sources(policy) == [
        "'self'",
        "https://eu.example.org",
        "wss://eu.example.org",
        "http://127.0.0.1:8081",
        "ws://127.0.0.1:8081",
    ]


def test_further_servers_change_nothing_else_of_the_policy() -> None:
    without = content_security_policy()
    with_one = content_security_policy(["https://eu.example.org"])

    assert with_one.replace(" https://eu.example.org wss://eu.example.org", "") == without


def test_compressed_and_plain_are_the_same_file(tmp_path: Path) -> None:
    write_plain(tmp_path)

    file = load_page(tmp_path)["/page.js"]

    assert gzip.decompress(file.compressed) == file.body
    assert file.headers(is_compressed=True)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in file.headers(is_compressed=False)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
    ],
)
def test_gzip_is_sent_only_to_who_reads_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
