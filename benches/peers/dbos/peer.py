"""DBOS Transact with SQLite as its system database: workflows of 20 no-op steps, each recorded and synced before the next runs.

Usage: peer.py STORE {sync|async}-{wal|delete}-{POOL SIZE}. Reads commands from stdin, answers each with one line on stdout:
  steps AT_ONCE THREADS   runs the workflows and prints their steps per second
  relax | strict          stops or resumes syncing (to fill a store quickly), prints the pragmas in effect
  hang                    runs a workflow whose 10th step prints "running" and never ends
  resume                  does nothing: DBOS recovers pending workflows when it is launched
"""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy
from dbos import DBOS

STEPS = 20
HANGS_AT = 10

synchronous = "FULL"


def serve(store: str, variant: str) -> None:
    style, journal, pool_size = variant.split("-")

    # Pragmas belong to a connection, and DBOS opens its own: set them on each one as it is taken from the pool.
    @sqlalchemy.event.listens_for(sqlalchemy.pool.Pool, "connect")
    def set_journal(connection, _record) -> None:
        connection.execute(f"PRAGMA journal_mode={journal}")

    @sqlalchemy.event.listens_for(sqlalchemy.pool.Pool, "checkout")
    def set_synchronous(connection, record, _proxy) -> None:
        if record.info.get("synchronous") != synchronous:
            connection.execute(f"PRAGMA synchronous={synchronous}")
            record.info["synchronous"] = synchronous

    @DBOS.step()
    def step(done: int, hangs: bool) -> int:
        if hangs and done == HANGS_AT - 1:
            print("running", flush=True)
            threading.Event().wait()
        return done + 1

    @DBOS.workflow()
    def workflow(hangs: bool) -> int:
        done = 0
        for _ in range(STEPS):
            done = step(done, hangs)
        return done

    @DBOS.step()
    async def async_step(done: int) -> int:
        return done + 1

    @DBOS.workflow()
    async def async_workflow() -> int:
        done = 0
        for _ in range(STEPS):
            done = await async_step(done)
        return done

    def check(done: int) -> None:
        if done != STEPS:
            raise RuntimeError(f"a workflow ended after {done} of {STEPS} steps")

    def run_in_threads(at_once: int, threads: int) -> float:
        with ThreadPoolExecutor(at_once) as pool:
            for _ in pool.map(lambda _: check(workflow(False)), range(at_once)):
                pass
            start = time.perf_counter()
            for _ in pool.map(lambda _: check(workflow(False)), range(threads)):
                pass
            return threads * STEPS / (time.perf_counter() - start)

    async def run_in_tasks(at_once: int, threads: int) -> float:
        async def worker(numbers) -> None:
            for _ in numbers:
                check(await async_workflow())

        async def all_of(count: int) -> None:
            numbers = iter(range(count))
            await asyncio.gather(*[worker(numbers) for _ in range(at_once)])

        await all_of(at_once)
        start = time.perf_counter()
        await all_of(threads)
        return threads * STEPS / (time.perf_counter() - start)

    DBOS(
        config={
            "name": "peer",
            "system_database_url": f"sqlite:///{store}",
            "sys_db_pool_size": int(pool_size),
            "application_version": "1",
            "log_level": "ERROR",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    answer("ready")
    global synchronous
    for line in sys.stdin:
        match line.split():
            case ["steps", at_once, threads]:
                run = run_in_threads if style == "sync" else lambda *counts: asyncio.run(run_in_tasks(*counts))
                answer(run(int(at_once), int(threads)))
            case ["relax" | "strict" as mode]:
                synchronous = "OFF" if mode == "relax" else "FULL"
                answer(pragmas())
            case ["hang"]:
                DBOS.start_workflow(workflow, True)
            case ["resume"]:
                pass
            case other:
                raise SystemExit(f"unknown command {other}")
    DBOS.destroy()


def pragmas() -> str:
    """The pragmas of a connection of DBOS's own pool, as a step meets them."""
    from dbos._dbos import _get_dbos_instance

    with _get_dbos_instance()._sys_db.engine.connect() as connection:
        read = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    return f"{read[0]} {read[1]}"


def answer(value) -> None:
    print(value, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
