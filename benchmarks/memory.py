"""How much private memory a training takes whose data set is larger: 2 GB, memory-mapped, an MLP, one pass.

    python benchmarks/memory.py [--gigabytes 2] [--folder FOLDER]

The data set is written chunk by chunk to a temporary folder. Then it is loaded, split, prepared, trained on and judged
in a process of its own, whose anonymous memory (RssAnon in /proc/self/status, Linux) is looked at every 2 ms: pages of
the mapped file are not counted, for the system may drop them at any time. The bar is 500 MB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import chainrule as cr

FEATURES, CLASSES, BATCH = 784, 10, 512
CHUNK = 8192  # rows written at a time
BAR = 500.0  # MB


def chunks(rows: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Noise around ten centres, never all of it at once."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, FEATURES)).astype(np.float32)
    for start in range(0, rows, CHUNK):
        y = rng.integers(0, CLASSES, min(CHUNK, rows - start))
        yield 0.2 * centres[y] + rng.standard_normal((len(y), FEATURES), np.float32), y


def anonymous() -> float:
    """Private memory of this process now, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1000


class Peak(threading.Thread):
    """The highest of what `anonymous` said while it ran, and in which stage."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stage, self.highest, self.over = "start", {"start": anonymous()}, False

    def run(self) -> None:
        while not self.over:
            now = anonymous()
            self.highest[self.stage] = max(now, self.highest.get(self.stage, 0.0))
            time.sleep(0.002)


def train(folder: Path) -> dict[str, Any]:
    """Load and train, as a user would; the figures of it."""
    peak = Peak()
    peak.start()
    peak.stage = "load"
    data = cr.data.load(folder)
    peak.stage = "train"
    started = time.perf_counter()
    run = cr.train("dense128 relu dense10", data, epochs=1, batch_size=BATCH, folder=folder / "run", progress=False)
    seconds = time.perf_counter() - started
    peak.over = True
    peak.join()
    return {"about": data.describe(), "highest": peak.highest, "seconds": seconds, "scores": run.metrics}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--gigabytes", type=float, default=2.0)
    asked.add_argument("--folder", type=Path, help="where the temporary folder is made")
    asked.add_argument("--train", type=Path, help=argparse.SUPPRESS)  # the process that is measured
    options = asked.parse_args()
    if options.train:
        print(json.dumps(train(options.train), default=str))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        cr.data.from_chunks(chunks(int(options.gigabytes * 1e9) // (4 * FEATURES)), folder)
        size = (Path(folder) / "x.npy").stat().st_size
        command = [sys.executable, __file__, "--train", folder]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    highest = max(told["highest"].values())
    print(f"{told['about']}: {size / 1e9:.2f} GB mapped, one pass in {told['seconds']:.0f} s")
    for stage, megabytes in told["highest"].items():
        print(f"  private memory, {stage:<6} {megabytes:7.1f} MB")
    print(f"  highest {highest:.0f} MB, {'below' if highest < BAR else 'ABOVE'} the bar of {BAR:.0f} MB")
    sys.exit(highest >= BAR)


if __name__ == "__main__":
    main()
