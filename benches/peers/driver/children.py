"""Child processes that are ended by pid, whatever way this program ends."""

import atexit
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path

from .missing import Missing

LONGEST_ANSWER_S = 300

_alive: set["Child"] = set()


class Child:
    """A process that answers lines on stdin with lines on stdout; its stderr goes to a log file."""

    def __init__(self, command: list[str | Path], log: Path) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(),
            )
        _alive.add(self)
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def send(self, command: str) -> None:
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self, timeout_s: float = LONGEST_ANSWER_S) -> str:
        try:
            line = self.lines.get(timeout=timeout_s)
        except queue.Empty:
            raise Missing(f"{self.name} gave no answer in {timeout_s:g} s; its log is {self.log}: {self.last_words()}") from None
        if line is None:
            raise Missing(f"{self.name} ended with {self.process.wait()}: {self.last_words()}")
        return line

    def ask(self, command: str) -> str:
        self.send(command)
        return self.answer()

    def expect(self, word: str) -> None:
        line = self.answer()
        if line != word:
            raise Missing(f"{self.name} said {line!r} instead of {word!r}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(it logged nothing)"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        _alive.discard(self)


KEPT = ("PATH", "HOME", "LANG", "TMPDIR")

# No peer may call home, and none may trace to a server.
QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "SCARF_ANALYTICS": "false",
    "DO_NOT_TRACK": "1",
    "RESTATE_DISABLE_TELEMETRY": "true",
    "RESTATE_LOGGING": "ERROR",
    "NODE_ENV": "production",
}


def environment() -> dict[str, str]:
    """The least a peer needs: a variable of the shell, such as NODE_EXTRA_CA_CERTS, may slow the start of a process."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | QUIET


def end_all() -> None:
    for child in list(_alive):
        child.kill()


def end_all_on_exit() -> None:
    """Ends all children on a plain end, an error, Ctrl-C and SIGTERM."""
    atexit.register(end_all)

    def leave(number: int, _frame) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
