// Calls the service through Restate's ingress. Usage: node client.mjs INGRESS_PORT.
// Reads commands from stdin, answers with one line: `steps AT_ONCE THREADS` → steps per second; `hang` → "sent".
import * as http from "node:http";
import * as readline from "node:readline";

const STEPS = 20;
const port = Number(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

function call(path, body) {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const request = http.request({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, (response) => {
      let reply = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (reply += chunk));
      response.on("end", () => (response.statusCode < 300 ? resolve(reply) : reject(new Error(`${response.statusCode} ${reply}`))));
    });
    request.on("error", reject);
    request.end(text);
  });
}

async function thread() {
  const done = JSON.parse(await call("/peer/run", { hangs: false }));
  if (done !== STEPS) throw new Error(`a thread ended after ${done} of ${STEPS} steps`);
}

async function threads(atOnce, count) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await thread();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

console.log("ready");
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, atOnce, count] = line.split(" ");
  if (command === "steps") {
    await threads(Number(atOnce), Number(atOnce));
    const start = process.hrtime.bigint();
    await threads(Number(atOnce), Number(count));
    console.log((Number(count) * STEPS * 1e9) / Number(process.hrtime.bigint() - start));
  } else if (command === "hang") {
    await call("/peer/run/send", { hangs: true });
    console.log("sent");
  } else {
    throw new Error(`unknown command ${line}`);
  }
}
process.exit(0);
