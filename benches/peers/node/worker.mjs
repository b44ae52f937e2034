// The worker a plain Node program would fork: says it is ready, then sends every message back.
process.on("message", (message) => process.send(message));
process.on("disconnect", () => process.exit(0));
process.send("ready");
