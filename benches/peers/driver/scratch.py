"""Folders for the stores of a measurement, on a disk that really syncs, removed with all that runs in them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .children import end_all
from .missing import Missing

IN_MEMORY = ("tmpfs", "ramfs")


@contextmanager
def scratch(into: Path, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=into) as folder:
        try:
            yield Path(folder)
        finally:
            end_all()


def refuse_memory(into: Path) -> None:
    """A file system in memory syncs nothing, so a figure taken there would tell nothing."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return
    holders = [(line.split()[1], line.split()[2]) for line in mounts.read_text().splitlines()]
    point, kind = max((holder for holder in holders if into.is_relative_to(holder[0])), key=lambda holder: len(holder[0]))
    if kind in IN_MEMORY:
        raise Missing(f"{into} is held in memory ({kind} at {point}): name a folder on a disk")
