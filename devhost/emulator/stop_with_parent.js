// Preloaded into Azurite: when the process that started it is gone, its end of our standard input closes and we stop gracefully.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.on("error", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
process.stdin.unref(); // does not keep a stopped Azurite running
