"""Installs the pinned peers into a folder; what is there already is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .children import QUIET
from .figures import progress
from .missing import Missing

HERE = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20


def python_peer(into: Path, name: str) -> Path:
    """The interpreter of a virtual environment that holds the peer."""
    if sys.version_info < OLDEST_PYTHON:
        raise Missing(f"{name} needs Python {'.'.join(map(str, OLDEST_PYTHON))} or newer, this is {sys.version.split()[0]}")
    requirements = HERE / name / "requirements.txt"
    environment = into / f"venv-{name}"
    python = environment / "bin" / "python"

    def install() -> None:
        make = [sys.executable, "-m", "venv", "--clear", str(environment)]
        run(make, f"cannot make a Python environment for {name} (on Debian: install python3-venv)")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(requirements)]
        run(pip, f"cannot install {name} with pip")

    once(environment, requirements, name, install)
    return python


def restate(into: Path) -> Path:
    """The folder that holds Restate's server and SDK."""
    node()
    npm = tool("npm", "Restate is installed by npm")
    manifest = HERE / "restate" / "package.json"
    folder = into / "restate"

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(manifest, folder)
        flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([npm, "install", *flags], "cannot install Restate with npm", cwd=folder)

    once(folder, manifest, "restate", install)
    # Node finds the SDK from the script's own folder, so the scripts run from a copy beside it.
    for script in ("service.mjs", "client.mjs"):
        shutil.copy(HERE / "restate" / script, folder)
    return folder


def node() -> str:
    """The path of a Node new enough."""
    path = tool("node", "restate and node are driven by Node.js; leave them out with --only langgraph,dbos")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise Missing(f"Node.js {OLDEST_NODE} or newer is needed, this is {version}")
    return path


def tool(name: str, why: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not on the PATH: {why}")
    return path


def once(folder: Path, pins: Path, name: str, install) -> None:
    """Runs the installation unless the folder was filled from the same pins."""
    marker = folder / "installed-pins"
    if marker.exists() and marker.read_bytes() == pins.read_bytes():
        return
    progress(f"installing {name} into {folder}")
    install()
    shutil.copy(pins, marker)


def run(command: list[str], failure: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=os.environ | QUIET, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise Missing(f"{failure}: {words[-1] if words else f'exit code {done.returncode}'}")
