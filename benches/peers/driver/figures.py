"""The figures: one JSON line each on stdout, progress on stderr."""

import json
import statistics
import sys
from dataclasses import dataclass

CONCURRENCY = (1, 8, 64)


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds of which the median is told, and finished threads stored before a kill."""

    rounds: int
    stored_threads: int


FULL = Effort(rounds=5, stored_threads=1000)
QUICK = Effort(rounds=1, stored_threads=100)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def figure(id: str, samples: list[float], unit: str, note: str) -> None:
    """Prints the median of the samples, with the least and the greatest."""
    row = {
        "id": id,
        "value": rounded(statistics.median(samples)),
        "unit": unit,
        "note": note,
        "spread": [rounded(min(samples)), rounded(max(samples))],
    }
    print(json.dumps(row, ensure_ascii=False), flush=True)
    progress(f"{id}: {row['value']} {unit} ({row['spread'][0]}-{row['spread'][1]})")


def rounded(value: float) -> float:
    return round(value) if value >= 1000 else float(f"{value:.4g}")
