"""The fleet, and how a server leaves it."""

from __future__ import annotations

from voicemedia_server.config.fleet import FleetSettings

KUBERNETES_GRACE_S = 30


def test_by_default_leaving_fits_into_the_time_that_kubernetes_gives() -> None:
    settings = FleetSettings()

    assert settings.drain_limit_s + settings.drain_notice_s < KUBERNETES_GRACE_S


def test_the_password_of_the_registry_is_left_out_of_the_representation() -> None:
    assert "hunter2" not in repr(FleetSettings(registry_url="redis://:hunter2@localhost"))
