// Measures bare `child_process.fork` workers. Usage: node parent.mjs {start|hundred|round-trip}; prints one JSON object.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

const STARTS = 20;
const WORKERS = 100;
const WARM_UP = 2_000;
const ROUND_TRIPS = 10_000;

const path = new URL("./worker.mjs", import.meta.url).pathname;
const alive = new Set();
process.on("exit", () => alive.forEach((worker) => worker.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const now = () => Number(process.hrtime.bigint());

function start() {
  const worker = fork(path);
  alive.add(worker);
  worker.once("exit", () => alive.delete(worker));
  return worker;
}

async function end(worker) {
  const ended = once(worker, "exit");
  worker.kill("SIGKILL");
  await ended;
}

function at(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function startAndKill() {
  const starts = [];
  const restarts = [];
  for (let i = 0; i < STARTS; i += 1) {
    let before = now();
    let worker = start();
    await once(worker, "message");
    starts.push(now() - before);
    before = now();
    await end(worker);
    worker = start();
    await once(worker, "message");
    restarts.push(now() - before);
    await end(worker);
  }
  return { cold_start_ms: at(starts, 0.5) / 1e6, kill_ready_ms: at(restarts, 0.5) / 1e6 };
}

async function pssKib(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)[1]);
}

async function hundred() {
  const before = now();
  const workers = Array.from({ length: WORKERS }, start);
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const readyMs = (now() - before) / 1e6;
  let kib = 0;
  for (const worker of workers) kib += await pssKib(worker.pid);
  await Promise.all(workers.map(end));
  return { workers_100_ms: readyMs, pss_mib: kib / 1024 };
}

async function roundTrip() {
  const worker = start();
  await once(worker, "message");
  const message = "x".repeat(100);
  const samples = [];
  await new Promise((resolve) => {
    let sent = 0;
    let count = 0;
    const send = () => {
      sent = now();
      worker.send(message);
    };
    worker.on("message", () => {
      const took = now() - sent;
      count += 1;
      if (count > WARM_UP) samples.push(took);
      if (samples.length === ROUND_TRIPS) resolve();
      else send();
    });
    send();
  });
  await end(worker);
  return { p50_us: at(samples, 0.5) / 1e3, p99_us: at(samples, 0.99) / 1e3 };
}

const measures = { start: startAndKill, hundred, "round-trip": roundTrip };
console.log(JSON.stringify(await measures[process.argv[2]]()));
process.exit(0);
