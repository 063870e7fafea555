"""The browser, the server and the folders of the tests with real clients, for the front end."""

from __future__ import annotations

from interop.conftest import chromium, output_folder, server

__all__ = ["chromium", "output_folder", "server"]
