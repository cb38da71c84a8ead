/** Who is measured beside whom. Two contenders may share a server: how its subscribers speak is part of what is compared. */
import { dialects, type Dialect } from "../load/dialect.ts";
import { startEdge } from "./edge.ts";
import { hasNchan, startNchan } from "./nchan.ts";
import type { Server } from "./server.ts";
import { startSocketIo } from "./socket-io.ts";
import { startBareObject, startParty, startTwoHop } from "./workers.ts";

export const servers = {
  "edge-path": () => startEdge("bench/worker/peers/edge-without-stores.ts"),
  edge: () => startEdge("worker.ts"),
  bare: startBareObject,
  "two-hop": startTwoHop,
  party: startParty,
  "socket.io": startSocketIo,
  nchan: startNchan,
} as const satisfies Readonly<Record<string, () => Promise<Server>>>;

export type ServerName = keyof typeof servers;
export type StartedServer<Name extends ServerName> = Awaited<ReturnType<(typeof servers)[Name]>>;

export interface Contender {
  readonly name: string;
  readonly server: ServerName;
  readonly dialect: Dialect;
}

export const fanoutContenders: readonly Contender[] = [
  { name: "edge, batch", server: "edge-path", dialect: dialects.edgeBatch },
  { name: "edge", server: "edge-path", dialect: dialects.edge },
  { name: "bare", server: "bare", dialect: dialects.bare },
  { name: "party", server: "party", dialect: dialects.party },
  { name: "socket.io", server: "socket.io", dialect: dialects.socketIo },
  { name: "nchan", server: "nchan", dialect: dialects.nchan },
];

export const latencyContenders: readonly Contender[] = [
  { name: "edge", server: "edge-path", dialect: dialects.edge },
  { name: "edge with stores", server: "edge", dialect: dialects.edge },
  { name: "two-hop", server: "two-hop", dialect: dialects.bare },
  { name: "one-hop", server: "bare", dialect: dialects.bare },
];

/** Those asked for, by name or by the first word of it, in the order they are listed; all when nothing is asked for. */
export function pickContenders(all: readonly Contender[], names: string): Contender[] {
  const wanted = names.split(",").filter((name) => name !== "");
  const isWanted = ({ name, server }: Contender): boolean => wanted.length === 0 || wanted.includes(name) || wanted.includes(server);
  const unknown = wanted.filter((name) => !all.some((one) => one.name === name || one.server === name));
  if (unknown.length > 0) throw new Error(`no such peer: ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}`);
  return all.filter(isWanted).filter(({ server }) => server !== "nchan" || hasNchan());
}
