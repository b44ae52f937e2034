// The service that Restate calls: one handler of 20 no-op `ctx.run` steps, each stored by the server before the next runs.
// Usage: node service.mjs PORT. Prints "ready" once it listens, and "running" when the step that never ends runs.
import * as http2 from "node:http2";
import * as restate from "@restatedev/restate-sdk";

// The SDK calls it when a request comes, and Node.js has it since 22.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const STEPS = 20;
const HANGS_AT = 10;

const peer = restate.service({
  name: "peer",
  handlers: {
    run: async (ctx, { hangs }) => {
      let done = 0;
      for (let number = 1; number <= STEPS; number += 1) {
        done = await ctx.run(`step ${number}`, () => {
          if (hangs && number === HANGS_AT) {
            console.log("running");
            return new Promise(() => {});
          }
          return done + 1;
        });
      }
      return done;
    },
  },
});

const server = http2.createServer(restate.createEndpointHandler({ services: [peer] }));
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
