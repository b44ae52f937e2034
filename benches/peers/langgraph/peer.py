"""LangGraph with its SQLite saver: threads of 20 no-op steps, one checkpoint a step, each synced before the next step runs.

Usage: peer.py STORE {sync|async}. Reads commands from stdin, answers each with one line on stdout:
  steps AT_ONCE THREADS   runs the threads and prints their steps per second
  relax | strict          stops or resumes syncing (to fill a store quickly), prints the pragma in effect
  hang                    runs a thread whose 10th step prints "running" and never ends
  resume                  runs the thread that `hang` left
"""

import asyncio
import itertools
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

STEPS = 20
HANGS_AT = 10
HUNG_THREAD = "hung"


class State(TypedDict):
    done: int
    hangs: bool


def reached_the_hang(state: State) -> bool:
    if state["hangs"] and state["done"] == HANGS_AT - 1:
        print("running", flush=True)
        return True
    return False


def step(state: State) -> dict:
    if reached_the_hang(state):
        threading.Event().wait()
    return {"done": state["done"] + 1}


async def async_step(state: State) -> dict:
    if reached_the_hang(state):
        await asyncio.Event().wait()
    return {"done": state["done"] + 1}


def graph(node, saver):
    """A loop of one node: the checkpoints of a chain of 20 would carry the versions of 20 channels."""
    builder = StateGraph(State)
    builder.add_node("step", node)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: "step" if state["done"] < STEPS else END, ["step", END])
    return builder.compile(checkpointer=saver)


RUN = f"{time.time_ns():x}"
NUMBERS = itertools.count()


def config(thread: str | None = None) -> dict:
    return {"configurable": {"thread_id": thread or f"{RUN}-{next(NUMBERS)}"}, "recursion_limit": STEPS + 5}


def check(state: dict) -> None:
    if state["done"] != STEPS:
        raise RuntimeError(f"a thread ended after {state['done']} of {STEPS} steps")


def answer(value) -> None:
    print(value, flush=True)


def serve_sync(store: str) -> None:
    connection = sqlite3.connect(store, check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    connection.execute("PRAGMA synchronous=FULL")
    app = graph(step, saver)

    def thread(_=None) -> None:
        check(app.invoke({"done": 0, "hangs": False}, config(), durability="sync"))

    answer("ready")
    for line in sys.stdin:
        match line.split():
            case ["steps", at_once, threads]:
                with ThreadPoolExecutor(int(at_once)) as pool:
                    list(pool.map(thread, range(int(at_once))))
                    start = time.perf_counter()
                    list(pool.map(thread, range(int(threads))))
                    answer(int(threads) * STEPS / (time.perf_counter() - start))
            case ["relax" | "strict" as mode]:
                connection.execute(f"PRAGMA synchronous={'OFF' if mode == 'relax' else 'FULL'}")
                journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
                answer(f"{journal} {connection.execute('PRAGMA synchronous').fetchone()[0]}")
            case ["hang"]:
                app.invoke({"done": 0, "hangs": True}, config(HUNG_THREAD), durability="sync")
            case ["resume"]:
                app.invoke(None, config(HUNG_THREAD), durability="sync")
            case other:
                raise SystemExit(f"unknown command {other}")


async def serve_async(store: str) -> None:
    async with aiosqlite.connect(store) as connection:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        await connection.execute("PRAGMA synchronous=FULL")
        app = graph(async_step, saver)

        async def threads_of(numbers) -> None:
            for _ in numbers:
                check(await app.ainvoke({"done": 0, "hangs": False}, config(), durability="sync"))

        async def pragma(name: str):
            async with connection.execute(f"PRAGMA {name}") as cursor:
                return (await cursor.fetchone())[0]

        answer("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            match line.split():
                case ["steps", at_once, threads]:
                    warm_up = iter(range(int(at_once)))
                    await asyncio.gather(*[threads_of(warm_up) for _ in range(int(at_once))])
                    numbers = iter(range(int(threads)))
                    start = time.perf_counter()
                    await asyncio.gather(*[threads_of(numbers) for _ in range(int(at_once))])
                    answer(int(threads) * STEPS / (time.perf_counter() - start))
                case ["relax" | "strict" as mode]:
                    await connection.execute(f"PRAGMA synchronous={'OFF' if mode == 'relax' else 'FULL'}")
                    answer(f"{await pragma('journal_mode')} {await pragma('synchronous')}")
                case ["hang"]:
                    await app.ainvoke({"done": 0, "hangs": True}, config(HUNG_THREAD), durability="sync")
                case ["resume"]:
                    await app.ainvoke(None, config(HUNG_THREAD), durability="sync")
                case other:
                    raise SystemExit(f"unknown command {other}")


if __name__ == "__main__":
    store, saver = sys.argv[1:]
    if saver == "sync":
        serve_sync(store)
    else:
        asyncio.run(serve_async(store))
