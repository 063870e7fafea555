"""A wrong value is refused, and named."""

from __future__ import annotations

import pytest

from chart.helm import Helm, Refused
from chart.matrix import WITH_RESOURCE, told

pytestmark = pytest.mark.system

WRONG = {
    "replicas=2": ("replicas", "not allowed"),
    "operator.replica=2": ("/operator", "replica"),
    "operator.replicas=two": ("/operator/replicas", "want integer"),
    "operator.replicas=-1": ("/operator/replicas", "minimum"),
    "operator.image.digest=sha256:12": ("/operator/image/digest", "pattern"),
    "operator.image.pullPolicy=Sometimes": ("/operator/image/pullPolicy", "IfNotPresent"),
    "operator.image.registry=x": ("/operator/image", "registry"),
    "operator.logLevel=loud": ("/operator/logLevel", "warning"),
    "operator.resources.requests.gpu=1": ("/operator/resources/requests", "gpu"),
    "operator.resources.limits.memory=lots": ("/operator/resources/limits/memory", "pattern"),
    "operator.tolerations[0].effect=Maybe": ("/operator/tolerations/0/effect", "NoSchedule"),
    "media.image.pullPolicy=Always": ("/media/image", "pullPolicy"),
    "imagePullSecrets[0].name=x": ("/imagePullSecrets/0", "want string"),
    "watch.namespaces={Calls}": ("/watch/namespaces/0", "pattern"),
    "watch.everything=true": ("/watch", "everything"),
    "crds.install=yes": ("/crds/install", "want boolean"),
    "crds.kept=true": ("/crds", "kept"),
    "serviceAccount.name=UPPER": ("/serviceAccount/name", "pattern"),
    "rbac.pspEnabled=true": ("/rbac", "pspEnabled"),
    "disruptionBudget.minAvailable=1": ("/disruptionBudget", "minAvailable"),
    "networkPolicy.egressPorts={0}": ("/networkPolicy/egressPorts/0", "minimum"),
    "metrics.monitor=Pods": ("/metrics/monitor", "PodMonitor"),
    "metrics.intervalSeconds=0": ("/metrics/intervalSeconds", "minimum"),
    "fleet.name=1st": ("/fleet/name", "pattern"),
    "fleet.redis.url=redis://redis": ("/fleet/redis", "url"),
    "fleet.ingress.host=UPPER": ("/fleet/ingress/host", "pattern"),
    "test.timeoutSeconds=1": ("/test/timeoutSeconds", "minimum"),
}
"""Of a wrong value: where it is, and a word of the sentence that says what is wrong with it."""


@pytest.mark.parametrize("value", WRONG)
def test_a_value_that_is_unknown_or_wrong_is_refused_and_named(helm: Helm, value: str) -> None:
    with pytest.raises(Refused) as refused:
        helm.text(*told(value))

    (line,) = [
        line
        for line in str(refused.value).splitlines()
        if line.startswith("- at '/") or line.startswith("- at ''")
    ]
    assert all(word in line for word in WRONG[value])


def test_all_namespaces_and_some_exclude_each_other(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"watch\.allNamespaces and watch\.namespaces exclude"):
        helm.text(*told("watch.allNamespaces=true", "watch.namespaces={calls}"))


def test_an_account_that_is_not_made_must_be_named(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"serviceAccount\.name must be said"):
        helm.text(*told("serviceAccount.create=false"))


def test_a_fleet_where_its_kind_is_unknown_is_refused_with_a_way_out(helm: Helm) -> None:
    with pytest.raises(Refused, match="install without it, then run helm upgrade with it"):
        helm.text(*told("fleet.create=true"))

    assert helm.text(*WITH_RESOURCE, *told("fleet.create=true"))


def test_a_chart_that_has_this_one_below_it_may_share_values(helm: Helm) -> None:
    assert helm.text(*told("global.anything=1"))


def test_a_kubernetes_that_judges_no_rules_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused, match="kubeVersion"):
        helm.text("--kube-version", "1.28.0")
