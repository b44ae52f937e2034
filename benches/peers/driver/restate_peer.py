"""Restate: a single-node server, a Node service with its SDK, and a client of its ingress, each a process of its own."""

import json
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import install
from .children import Child
from .figures import CONCURRENCY, Effort, figure, progress
from .missing import Missing
from .scratch import scratch

THREADS = {1: 50, 8: 120, 64: 384}
LONGEST_START_S = 60
# A proxy named in the environment must not come between this program and loopback.
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Restate:
    """A server and its service over one base folder."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.node = install.node()
        self.folder = folder
        self.base = base
        self.log = base / "log"
        self.fabric, self.ingress, self.admin, self.service = free_ports(4)
        self.config = base / "restate.toml"
        self.config.write_text(
            f'base-dir = "{base / "data"}"\n'
            'cluster-name = "peer"\nnode-name = "peer"\n'
            'listen-mode = "tcp"\nbind-ip = "127.0.0.1"\nadvertised-host = "127.0.0.1"\n'
            f"bind-port = {self.fabric}\n"
            'disable-telemetry = true\nlog-filter = "error"\n'
            f"[ingress]\nbind-port = {self.ingress}\n"
            f"[admin]\nbind-port = {self.admin}\ndisable-web-ui = true\n"
        )
        self.children: list[Child] = []

    def start(self) -> Child:
        """Starts server and service at once, without waiting; returns the service."""
        service = Child([self.node, self.folder / "service.mjs", str(self.service)], self.log)
        self.children = [service, Child([self.server(), "--no-logo", "-c", self.config], self.log)]
        return service

    def server(self) -> Path:
        # The program itself, not npm's wrapper, so that a kill by pid kills the server.
        found = list(self.folder.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))
        if len(found) != 1:
            raise Missing("npm has no Restate server for this machine")
        return found[0]

    def register(self) -> None:
        self.wait_for(f"http://127.0.0.1:{self.admin}/health")
        body = json.dumps({"uri": f"http://127.0.0.1:{self.service}"}).encode()
        self.wait_for(f"http://127.0.0.1:{self.admin}/deployments", body)
        self.wait_for(f"http://127.0.0.1:{self.ingress}/restate/health")
        # The ingress hears of a new service a little later.
        self.wait_for(f"http://127.0.0.1:{self.ingress}/peer/run", b'{"hangs": false}', not_yet=(404, 503))

    def wait_for(self, url: str, body: bytes | None = None, not_yet: tuple[int, ...] = (503,)) -> None:
        deadline = time.monotonic() + LONGEST_START_S
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        while True:
            try:
                with NO_PROXY.open(request, timeout=LONGEST_START_S):
                    return
            except urllib.error.HTTPError as refusal:
                if refusal.code not in not_yet:
                    raise Missing(f"Restate answered {url} with {refusal.code}: {refusal.read().decode(errors='replace')}") from None
                reason = str(refusal)
            except OSError as error:
                reason = str(error)
            for child in self.children:
                if child.process.poll() is not None:
                    raise Missing(f"{child.name} ended with {child.process.returncode}: {child.last_words()}")
            if time.monotonic() > deadline:
                raise Missing(f"Restate's {url} is not ready after {LONGEST_START_S} s: {reason}; its log is {self.log}")
            time.sleep(0.05)

    def client(self) -> Child:
        client = Child([self.node, self.folder / "client.mjs", str(self.ingress)], self.log)
        client.expect("ready")
        self.children.append(client)
        return client

    def kill(self) -> None:
        # All are signalled before any is waited for: server and service die together, as on a power cut.
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.kill()
        self.children = []


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def measure(into: Path, effort: Effort) -> None:
    folder = install.restate(into)
    pins = json.loads((install.HERE / "restate" / "package.json").read_text())["dependencies"]
    versions = f"restate-server {pins['@restatedev/restate-server']}, restate-sdk {pins['@restatedev/restate-sdk']}"
    note = f"{versions}, defaults (log server's WAL fsynced)"
    samples: dict[int, list[float]] = {at_once: [] for at_once in CONCURRENCY}
    for _ in range(effort.rounds):
        with scratch(into, "restate") as base:
            restate = Restate(folder, base)
            restate.start().expect("ready")
            restate.register()
            client = restate.client()
            client.ask("steps 8 40")
            for at_once in CONCURRENCY:
                samples[at_once].append(float(client.ask(f"steps {at_once} {THREADS[at_once]}")))
                progress(f"restate, {at_once} at once: {samples[at_once][-1]:.0f} steps/s")
            restate.kill()
    for at_once in CONCURRENCY:
        figure(f"restate_steps_{at_once}", samples[at_once], "steps/s", note)
    with scratch(into, "restate") as base:
        recovery(Restate(folder, base), effort, versions)


def recovery(restate: Restate, effort: Effort, versions: str) -> None:
    service = restate.start()
    service.expect("ready")
    restate.register()
    client = restate.client()
    # `steps` also warms up with one thread for each that runs at once.
    client.ask(f"steps 64 {max(1, effort.stored_threads - 64)}")
    client.ask("hang")
    service.expect("running")
    times = []
    for _ in range(effort.rounds):
        killed = time.monotonic()
        restate.kill()
        service = restate.start()
        service.expect("ready")
        service.expect("running")
        times.append((time.monotonic() - killed) * 1000)
    restate.kill()
    note = f"{versions}, {effort.stored_threads} finished threads stored, server and service killed and started together"
    figure("restate_recovery", times, "ms", note)
