"""A bare Node worker: `child_process.fork` and a message handler, no library, nothing durable."""

import json
import subprocess
from pathlib import Path

from . import install
from .children import Child
from .figures import Effort, figure
from .missing import Missing
from .scratch import scratch

PINNED_TO = "0"


def measure(into: Path, effort: Effort) -> None:
    with scratch(into, "node") as folder:
        measure_in(folder, effort)


def measure_in(folder: Path, effort: Effort) -> None:
    node = install.node()
    taskset = install.tool("taskset", "node's round trip is measured pinned to one core (Linux only)")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    note = f"Node.js {version}, child_process.fork"

    def rounds(measure: str, *before: str) -> list[dict[str, float]]:
        return [ask([*before, node, install.HERE / "node" / "parent.mjs", measure], folder) for _ in range(effort.rounds)]

    starts = rounds("start")
    figure("node_cold_start", column(starts, "cold_start_ms"), "ms", f"{note}, p50 of 20 forks to the first message")
    figure("node_kill_ready", column(starts, "kill_ready_ms"), "ms", f"{note}, p50 of 20, SIGKILL to the next one's first message")
    hundred = rounds("hundred")
    figure("node_workers_100", column(hundred, "workers_100_ms"), "ms", f"{note}, 100 forked at once, all ready")
    figure("node_workers_100_pss", column(hundred, "pss_mib"), "MiB", f"{note}, sum of the 100 workers' PSS, the parent not counted")
    pinned = rounds("round-trip", taskset, "-c", PINNED_TO)
    what = f"{note}, 100 B, JSON over its IPC channel"
    figure("node_round_trip_small", column(pinned, "p50_us"), "µs", f"{what}, p50, both pinned to one core")
    figure("node_round_trip_small_p99", column(pinned, "p99_us"), "µs", f"{what}, p99, both pinned to one core")
    free = rounds("round-trip")
    figure("node_round_trip_small_unpinned", column(free, "p50_us"), "µs", f"{what}, p50, not pinned")
    figure("node_round_trip_small_unpinned_p99", column(free, "p99_us"), "µs", f"{what}, p99, not pinned")


def ask(command: list, folder: Path) -> dict[str, float]:
    child = Child(command, folder / "log")
    # Told to end by SIGTERM or finishing by itself, the parent ends its workers; a killed one leaves them to their closed channel.
    answer = json.loads(child.answer())
    if child.process.wait() != 0:
        raise Missing(f"node's measurement failed: {child.last_words()}")
    child.kill()
    return answer


def column(rows: list[dict[str, float]], name: str) -> list[float]:
    return [row[name] for row in rows]
