"""Feeds hostile bytes to one target: `python tests/fuzz/campaign.py rtcp --runs 1000000`.

A target is a file `fuzz_NAME.py` beside this one, with a function `take(data: bytes)` that may
raise nothing, and seeds in `corpus/NAME/`. To add one, add these two. Two engines take turns:
`atheris` is guided by coverage and runs where it is installed; `mutations` bends the seeds by a
fixed sequence of random numbers and runs on every Python. An input that breaks the target is
written to the output folder, and the exit status is not 0.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
ENGINES = ("atheris", "mutations")
PACKAGES = ["voicemedia_server"]
MAX_BYTES = 4096
TIMEOUT_S = 10  # for one input
MEMORY_MB = 1024
INTERESTING = (0, 1, 3, 4, 0x0F, 0x10, 0x1F, 0x20, 0x7F, 0x80, 0xBE, 0xC0, 0xDE, 0xFE, 0xFF)

Take = Callable[[bytes], None]


def load(name: str, folder: Path = HERE) -> Take:
    """The function `take` of a target."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", folder / f"fuzz_{name}.py")
    assert spec is not None, "the path ends in .py"
    assert spec.loader is not None, "the path ends in .py"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    take: Take = module.take
    return take


def seeds(name: str, folder: Path = HERE) -> list[bytes]:
    """The inputs that a campaign starts from."""
    return [path.read_bytes() for path in sorted((folder / "corpus" / name).iterdir())]


def bend(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """One input made into another by one to four small changes."""
    bent = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randint(0, len(bent))
        match dice.randrange(6):
            case 0 if place < len(bent):
                bent[place] ^= 1 << dice.randrange(8)
            case 1 if place < len(bent):
                bent[place] = dice.choice(INTERESTING)
            case 2:
                bent[place:place] = dice.randbytes(dice.randint(1, 8))
            case 3:
                del bent[place : place + dice.randint(1, 8)]
            case 4:
                other = dice.choice(others)
                bent[place:] = other[dice.randint(0, len(other)) :]
            case _:
                del bent[place:]
    return bytes(bent[:MAX_BYTES])


def run_mutations(take: Take, inputs: list[bytes], arguments: argparse.Namespace) -> None:
    """Takes every seed as it is, then bent ones; what broke the target is kept and raised."""
    dice = random.Random(arguments.seed)
    for run in range(max(arguments.runs, len(inputs))):
        data = inputs[run] if run < len(inputs) else bend(dice.choice(inputs), inputs, dice)
        try:
            take(data)
        except BaseException:
            (arguments.output / f"broken-{arguments.target}-{run}.bin").write_bytes(data)
            raise
    print(f"{arguments.target}: {max(arguments.runs, len(inputs))} runs, nothing broke")


def run_atheris(
    atheris: ModuleType, take: Take, corpus: Path, arguments: argparse.Namespace
) -> None:
    """Never returns: libFuzzer ends the process, with 0 when nothing broke."""
    grown = arguments.output / f"corpus-{arguments.target}"
    grown.mkdir(exist_ok=True)
    flags = [
        f"-runs={arguments.runs}",
        f"-seed={arguments.seed}",
        f"-max_len={MAX_BYTES}",
        f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={arguments.output}/broken-{arguments.target}-",
        str(grown),
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *flags], take)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", help="the NAME of a file fuzz_NAME.py")
    parser.add_argument("--engine", choices=ENGINES, default="atheris")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs to try")
    parser.add_argument("--seed", type=int, default=1, help="makes a campaign repeatable")
    parser.add_argument("--folder", type=Path, default=HERE, help="where targets and corpus are")
    parser.add_argument(
        "--output",
        type=Path,
        default=HERE.parent / "output" / "fuzz",
        help="where broken inputs and the grown corpus go",
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.engine == "mutations":
        take = load(arguments.target, arguments.folder)
        run_mutations(take, seeds(arguments.target, arguments.folder), arguments)
        return
    atheris = importlib.import_module("atheris")  # no stubs, and no wheel for every Python
    instrumented: AbstractContextManager[object] = atheris.instrument_imports(include=PACKAGES)
    with instrumented if arguments.folder == HERE else nullcontext():
        take = load(arguments.target, arguments.folder)
    run_atheris(atheris, take, arguments.folder / "corpus" / arguments.target, arguments)


if __name__ == "__main__":
    main()
