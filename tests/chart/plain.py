"""The chart as plain manifests, for those without Helm: for all namespaces, in one of their own."""

from __future__ import annotations

import re

from chart.helm import Helm
from chart.matrix import told

NAMESPACE = "voicemedia-system"
HEADING = f"""\
# The operator for a whole cluster, made from charts/voicemedia by `make manifests`; tests compare.
#   kubectl apply --server-side -f deploy/voicemedia.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""
OPTIONS = told(
    "watch.allNamespaces=true",
    "watch.nodes=true",
    "crds.keep=false",
    "test.enabled=false",
)
OF_HELM = re.compile(
    r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n|^# Source: .*\n", re.MULTILINE
)


def plain(helm: Helm) -> str:
    """The whole file. Raises `Refused`."""
    return HEADING + OF_HELM.sub("", helm.text(*OPTIONS, namespace=NAMESPACE)) + "\n"
