"""Fetches the document with the public keys by which tokens are checked."""

from __future__ import annotations

from aiohttp import ClientError, ClientSession, ClientTimeout

FETCH_TIMEOUT = ClientTimeout(total=5.0)
"""In seconds. Who waits for a token to be checked waits for this too."""
MAX_KEYS_BYTES = 1 << 20


async def fetch_text(http: ClientSession, url: str) -> str:
    """A document of at most `MAX_KEYS_BYTES`. Raises `OSError` or `ValueError`."""
    try:
        async with http.get(url, raise_for_status=True) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_KEYS_BYTES:
                    raise ValueError("the document is too large")
            return body.decode()
    except ClientError as failure:
        raise OSError("the document cannot be fetched") from failure
