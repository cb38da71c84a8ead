/** Starts socket.io on this Node. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { host, jsonHeaders, type Server } from "./server.ts";

export async function startSocketIo(): Promise<Server> {
  const child = spawn(process.execPath, [`${import.meta.dirname}/socket-io-server.ts`], { stdio: ["ignore", "pipe", "inherit"] });
  // A bench that is broken off ends its runtimes, but would leave this behind.
  process.once("exit", () => child.kill());
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  if (child.pid === undefined) throw new Error("socket.io did not start");
  return {
    host,
    port: Number(line.toString()),
    pids: [child.pid],
    post: { path: "/", headers: jsonHeaders, takesArrays: true },
    async stop() {
      child.kill();
      await once(child, "exit");
    },
  };
}
