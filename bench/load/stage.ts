/** Where a bench's runs take place: the servers, each started when it is first asked for, and one thread of subscribers. */
import { servers, type Contender, type ServerName, type StartedServer } from "../peers/contenders.ts";
import type { Server } from "../peers/server.ts";
import { Audience } from "./audience.ts";
import { calm, measure, type Load, type Measurement } from "./measure.ts";

/** Until the compiler has seen all of a server's code: cold it costs several times as much, and servers live long. */
const warmingUp: readonly Load[] = [
  { sockets: 20, eventsPerSecond: 500, batch: 10, seconds: 3, stamp: "due" },
  { sockets: 20, eventsPerSecond: 100, batch: 1, seconds: 2, stamp: "due" },
];

export class Stage {
  readonly audience = new Audience();
  readonly #servers = new Map<ServerName, Server>();
  readonly #warm = new Set<string>();

  async server<Name extends ServerName>(name: Name): Promise<StartedServer<Name>> {
    const server: Server = this.#servers.get(name) ?? (await servers[name]());
    this.#servers.set(name, server);
    return server as StartedServer<Name>;
  }

  async measure(contender: Contender, load: Load): Promise<Measurement> {
    const server = await this.server(contender.server);
    const run = (next: Load): Promise<Measurement> => measure(server, this.audience, { load: next, dialect: contender.dialect });
    if (!this.#warm.has(contender.name)) {
      this.#warm.add(contender.name);
      for (const warming of warmingUp) await run(warming);
    }
    const measurement = await run(load);
    // What is left to do must not be charged to the next contender.
    await calm(server.pids);
    return measurement;
  }

  async end(): Promise<void> {
    await this.audience.end();
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }
}
