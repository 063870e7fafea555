"""URLs of a Redis."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis, RedisCluster

from voicemedia_operator.fleet.redis_url import WrongUrl, connect


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("redis://127.0.0.1:6379/3", Redis),
        ("rediss://user:word@127.0.0.1", Redis),
        ("unix:///run/redis.sock", Redis),
        ("redis+sentinel://127.0.0.1,127.0.0.2:26380/main/1", Redis),
        ("rediss+cluster://user:word@127.0.0.1:7000,127.0.0.2:7000", RedisCluster),
    ],
)
async def test_every_form_is_taken(url: str, client: type[Redis | RedisCluster]) -> None:
    connection = connect(url)

    assert isinstance(connection.client, client)
    await connection.close()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1", "redis+sentinel://127.0.0.1", "redis+cluster://", "redis+other://x", ""],
)
def test_all_else_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(WrongUrl) as refused:
        connect(url)

    assert not url or url not in str(refused.value)
