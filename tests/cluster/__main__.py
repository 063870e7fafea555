"""`make cluster`, `make cluster-down`: a cluster that stays up for a developer."""

from __future__ import annotations

import argparse
import sys

from cluster import one_node, pod_images, programs
from cluster.commands import CommandFailed
from cluster.daemons import DaemonFailed
from cluster.enclosure import EnclosureFailed
from cluster.machine import MachineLacks
from cluster.one_node import StartFailed
from cluster.place import Place
from images.builder import BuildFailed

FAILURES = (
    *(BuildFailed, CommandFailed, DaemonFailed, EnclosureFailed, MachineLacks, StartFailed),
)


def main() -> int:
    """The exit code; 1 with a sentence for what went wrong."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("what", choices=["up", "down", "programs"])
    place = Place()
    try:
        with one_node.lock(place, tell):
            {"up": up, "down": down, "programs": build}[parser.parse_args().what](place)
    except FAILURES as failed:
        tell(str(failed))
        return 1
    return 0


def tell(sentence: str) -> None:
    """For people; standard output is for what is to be copied."""
    print(sentence, file=sys.stderr, flush=True)


def up(place: Place) -> None:
    """Starts one, or takes the one that is up; the media image of this checkout is in it."""
    cluster = one_node.running(place) or one_node.start(place, tell, is_tied=False)
    place.kept_file.touch()
    reference = pod_images.load(cluster, "Dockerfile.media", "voicemedia-media")
    tell(f"A Kubernetes is up, with the image {reference}. `make cluster-down` ends it.")
    print(f"export KUBECONFIG={place.kubeconfig}")
    print(f"export PATH={cluster.programs['kubectl'].parent}:$PATH")


def down(place: Place) -> None:
    """Ends it and removes what it made."""
    one_node.clear(place)


def build(place: Place) -> None:
    """Fills the cache."""
    programs.build(place.cache, tell)


if __name__ == "__main__":
    sys.exit(main())
