/** The peers that run as Workers on the same runtime. */
import { resolve } from "node:path";
import { startRuntime } from "./runtime.ts";
import { host, jsonHeaders, type Server } from "./server.ts";

interface WorkerPeer {
  readonly entry: string;
  /** Class by binding. */
  readonly objects: Readonly<Record<string, string>>;
  readonly postPath: string;
}

const folder = resolve(import.meta.dirname, "../worker/peers");

async function startWorker({ entry, objects, postPath }: WorkerPeer): Promise<Server> {
  const bindings = Object.entries(objects).map(([name, className]) => [name, { className, useSQLite: true }] as const);
  const { port, pids, stop } = await startRuntime(resolve(folder, entry), {
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    durableObjects: Object.fromEntries(bindings),
  });
  return { host, port, pids, stop, post: { path: postPath, headers: jsonHeaders, takesArrays: true } };
}

export const startBareObject = (): Promise<Server> => startWorker({ entry: "bare-object.ts", objects: { ROOM: "Room" }, postPath: "/" });

export const startTwoHop = (): Promise<Server> =>
  startWorker({ entry: "two-hop.ts", objects: { HUB: "Hub", HOLDER: "Holder" }, postPath: "/" });

export const startParty = (): Promise<Server> =>
  startWorker({ entry: "party.ts", objects: { Room: "Room" }, postPath: "/parties/room/bench" });
