"""The operator as a process: it starts, waits for its turn, acts, and leaves."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from apiserver.documents import resource
from apiserver.operators import OperatorProcess, kubeconfig_for, running_operator
from apiserver.twin import ApiServer
from voicemedia_operator.cluster.kinds import (
    CONFIG_MAP,
    LEASE,
    POD,
    SECRET,
    SERVICE,
    VOICE_MEDIA_SERVER,
)
from voicemedia_operator.reconcile.names import FINALIZER

pytestmark = pytest.mark.system

HAND_OVER_S = 15.0
READS = ("get", "list", "watch")


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Path:
    return kubeconfig_for(f"http://127.0.0.1:{server.port}", tmp_path / "kubeconfig")


def holder(server: ApiServer) -> str:
    """Who acts."""
    for lease in server.objects(LEASE):
        return str(lease["spec"]["holderIdentity"])
    return ""


def finalizers(server: ApiServer) -> list[str]:
    found = server.get(VOICE_MEDIA_SERVER, "calls", "voice")
    return list(found["metadata"].get("finalizers", []))


def phase(server: ApiServer) -> str:
    found = server.get(VOICE_MEDIA_SERVER, "calls", "voice")
    return str(found.get("status", {}).get("phase", ""))


async def looks(operator: OperatorProcess) -> float:
    """How often it looked at resources."""
    found = await operator.text("/metrics")
    (count,) = re.findall(r'reconciles_total\{result="done"\} (\S+)', found)
    return float(count)


async def until_looked_at(operator: OperatorProcess, more: int) -> None:
    before = await looks(operator)

    async def has_looked() -> bool:
        return await looks(operator) >= before + more

    await operator.until(has_looked)


async def says(operator: OperatorProcess, words: str) -> bool:
    return any(words in line for line in operator.log)


async def test_a_resource_gets_all_that_it_needs(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path):
        await server.put(resource("voice"))

        await server.until(lambda: phase(server) == "Progressing" and server.objects(POD))

    assert [each["metadata"]["name"] for each in server.objects(SERVICE)] == ["voice"]
    assert {each["metadata"]["name"] for each in server.objects(SECRET)} == {
        "voice-fleet",
        "voice-tokens",
    }
    assert "voice-flags" in {each["metadata"]["name"] for each in server.objects(CONFIG_MAP)}
    assert finalizers(server) == [FINALIZER]


async def test_a_world_in_which_all_is_done_is_left_alone(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path, RESYNC_S="0.1") as operator:
        await server.put(resource("voice"))
        await server.until(lambda: phase(server) == "Progressing" and server.objects(POD))
        await until_looked_at(operator, 2)  # what was still under way is done
        server.asked.clear()

        await until_looked_at(operator, 5)

    asked = [each.split() for each in server.asked]
    assert [each for each in asked if each[1] != "Lease" and each[0] not in READS] == []


async def test_a_resource_that_is_deleted_takes_its_pods_along_before_it_goes(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path):
        await server.put(resource("voice"))
        await server.until(lambda: server.objects(POD) and finalizers(server))

        await server.mark_deleted(VOICE_MEDIA_SERVER, "calls", "voice")

        await server.until(lambda: not server.objects(VOICE_MEDIA_SERVER))
    assert server.objects(POD) == []


async def test_a_resource_that_was_deleted_while_no_operator_ran_is_drained_all_the_same(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path):
        await server.put(resource("voice"))
        await server.until(lambda: server.objects(POD) and finalizers(server))
    await server.mark_deleted(VOICE_MEDIA_SERVER, "calls", "voice")
    await server.put({**server.objects(LEASE)[0], "spec": {"holderIdentity": ""}})

    async with running_operator(kubeconfig, tmp_path, "operator-2"):
        await server.until(lambda: not server.objects(VOICE_MEDIA_SERVER))

    deletions = [each for each in server.asked if each.startswith("delete Pod")]
    assert len(deletions) == 1
    assert server.objects(POD) == []


async def test_of_two_operators_one_acts_and_both_are_ready(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with (
        running_operator(kubeconfig, tmp_path, "operator-1") as first,
        running_operator(kubeconfig, tmp_path, "operator-2") as second,
    ):
        await first.until_ready()
        await second.until_ready()
        await server.until(lambda: holder(server))
        acting = [
            each
            for each in (first, second)
            if "voicemedia_operator_leader 1.0" in await each.text("/metrics")
        ]

        assert len(acting) == 1


async def test_an_operator_that_was_killed_is_followed_in_less_than_15_s(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path, "operator-1") as first:
        await server.until(lambda: holder(server) == "operator-1")
        async with running_operator(kubeconfig, tmp_path, "operator-2") as second:
            await second.until_ready()
            first.kill()
            began_s = time.monotonic()
            await server.put(resource("voice"))

            await server.until(lambda: server.objects(POD), HAND_OVER_S)

            assert holder(server) == "operator-2"
            assert time.monotonic() - began_s < HAND_OVER_S


async def test_an_operator_that_leaves_gives_way_at_once(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path, "operator-1") as first:
        await server.until(lambda: holder(server) == "operator-1")
        await server.put(resource("voice"))
        await server.until(lambda: server.objects(POD))
        first.kill(signal.SIGTERM)

        assert await first.ended() == 0
        assert holder(server) == ""
    assert finalizers(server) == [FINALIZER]


async def test_an_operator_that_lost_its_lease_ends(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    async with running_operator(kubeconfig, tmp_path) as operator:
        await server.until(lambda: holder(server) == "operator-1")
        lease = server.objects(LEASE)[0]

        await server.put({**lease, "spec": {**lease["spec"], "holderIdentity": "another"}})

        assert await operator.ended() == 1
        assert "the lease was lost" in operator.log[-1]


async def test_it_tells_how_it_is(server: ApiServer, kubeconfig: Path, tmp_path: Path) -> None:
    async with running_operator(kubeconfig, tmp_path) as operator:
        await server.put(resource("voice"))
        await server.until(lambda: server.objects(POD))

        assert await operator.status("/livez") == 200
        assert await operator.status("/readyz") == 200
        found = await operator.text("/metrics")
        assert "voicemedia_operator_resources 1.0" in found
        assert 'voicemedia_operator_actions_total{action="CreatePod",result="done"} 1.0' in found


async def test_a_cluster_without_the_resource_is_waited_for(
    server: ApiServer, kubeconfig: Path, tmp_path: Path
) -> None:
    server.missing = {VOICE_MEDIA_SERVER}
    async with running_operator(kubeconfig, tmp_path) as operator:
        await operator.until(lambda: says(operator, "apply crds/ first"))
        before = await operator.status("/readyz")
        server.missing = set()

        await operator.until_ready()
        assert before == 503


async def said(**environment: str) -> tuple[int | None, str]:
    """Exit code and last word of an operator that cannot start."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicemedia_operator.main"),
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    _, written = await process.communicate()
    return process.returncode, written.decode().splitlines()[-1]


async def test_a_wrong_setting_is_told_and_ends_it() -> None:
    code, sentence = await said(VOICEMEDIA_OPERATOR_POLL_S="often")

    assert code == 2
    assert sentence.startswith("voicemedia-operator: VOICEMEDIA_OPERATOR_POLL_S must be")


async def test_without_a_way_to_a_cluster_it_says_so(tmp_path: Path) -> None:
    code, sentence = await said(KUBECONFIG=str(tmp_path / "absent"))

    assert code == 1
    assert "no way to a Kubernetes API server" in sentence
