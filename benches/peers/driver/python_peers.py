"""LangGraph and DBOS: libraries over SQLite, driven through one process each."""

import time
from dataclasses import dataclass
from pathlib import Path

from . import install
from .children import Child
from .figures import CONCURRENCY, Effort, figure, progress
from .missing import Missing
from .scratch import scratch

# SQLite's number for synchronous=FULL.
FULL = "2"


@dataclass(frozen=True)
class Peer:
    name: str
    # Ways to set it up, each a fair one, with the words that tell it; the fastest at each concurrency is reported.
    variants: dict[str, str]
    journal: str
    threads: dict[int, int]
    recovery_note: str


LANGGRAPH = Peer(
    "langgraph",
    {"sync": "SqliteSaver", "async": "AsyncSqliteSaver"},
    "wal",
    {1: 30, 8: 48, 64: 128},
    "its caller names the thread to resume",
)
DBOS = Peer(
    "dbos",
    {"sync-wal-20": "workflows in threads, WAL, default pool of 20"},
    "wal",
    {1: 20, 8: 32, 64: 128},
    "it recovers pending workflows by itself",
)


def measure(peer: Peer, into: Path, effort: Effort) -> None:
    python = install.python_peer(into, peer.name)
    version = pinned_version(peer.name)
    with scratch(into, peer.name) as folder:
        steps(peer, python, version, folder, effort)
        recovery(peer, python, version, folder, effort)


def pinned_version(name: str) -> str:
    for line in (install.HERE / name / "requirements.txt").read_text().splitlines():
        package, _, version = line.partition("==")
        if package == name:
            return version
    raise Missing(f"{name} has no pin in its requirements.txt")


def open_peer(peer: Peer, python: Path, store: Path, variant: str) -> Child:
    child = Child([python, install.HERE / peer.name / "peer.py", store, variant], store.parent / "log")
    child.expect("ready")
    return child


def strict(peer: Peer, child: Child) -> None:
    """Makes sure that the store syncs every commit."""
    pragmas = child.ask("strict")
    if pragmas != f"{peer.journal} {FULL}":
        raise Missing(f"{peer.name} has journal mode and synchronous {pragmas!r}: it does not sync each commit")


def steps(peer: Peer, python: Path, version: str, folder: Path, effort: Effort) -> None:
    samples: dict[int, dict[str, list[float]]] = {at_once: {} for at_once in CONCURRENCY}
    for number in range(effort.rounds):
        for variant in peer.variants:
            wanted = [at_once for at_once in CONCURRENCY if number == 0 or variant == best(samples[at_once])]
            if not wanted:
                continue
            child = open_peer(peer, python, folder / f"{variant}-{number}.sqlite", variant)
            strict(peer, child)
            for at_once in wanted:
                rate = float(child.ask(f"steps {at_once} {peer.threads[at_once]}"))
                progress(f"{peer.name} {variant}, {at_once} at once: {rate:.0f} steps/s")
                samples[at_once].setdefault(variant, []).append(rate)
            child.kill()
    for at_once in CONCURRENCY:
        variant = best(samples[at_once])
        note = f"{peer.name} {version}, {peer.variants[variant]}, synchronous=FULL"
        figure(f"{peer.name}_steps_{at_once}", samples[at_once][variant], "steps/s", note)


def best(samples: dict[str, list[float]]) -> str:
    """The variant that was fastest in the first round, the only one that all of them ran in."""
    return max(samples, key=lambda variant: samples[variant][0])


def recovery(peer: Peer, python: Path, version: str, folder: Path, effort: Effort) -> None:
    variant = next(iter(peer.variants))
    store = folder / "recovery.sqlite"
    child = open_peer(peer, python, store, variant)
    child.ask("relax")
    # `steps` also warms up with one thread.
    child.ask(f"steps 1 {effort.stored_threads - 1}")
    strict(peer, child)
    child.send("hang")
    child.expect("running")
    times = []
    for _ in range(effort.rounds):
        killed = time.monotonic()
        child.kill()
        child = open_peer(peer, python, store, variant)
        child.send("resume")
        child.expect("running")
        times.append((time.monotonic() - killed) * 1000)
    child.kill()
    note = f"{peer.name} {version}, {peer.variants[variant]}, synchronous=FULL, {effort.stored_threads} finished threads stored, {peer.recovery_note}"
    figure(f"{peer.name}_recovery", times, "ms", note)
