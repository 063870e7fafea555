"""The keys of a fleet. What the scripts do, the contract holds."""

from __future__ import annotations

from redis.crc import key_slot

from voicemedia_server.registry.scripts import Keys


def test_all_keys_of_a_fleet_live_on_one_node_of_a_cluster() -> None:
    slots = {key_slot(key.encode()) for key in Keys("calls").all}

    assert len(slots) == 1


def test_no_two_fleets_share_a_key() -> None:
    assert set(Keys("one").all).isdisjoint(Keys("two").all)
