/** Reads and steers the counted Worker by its `/__bench/` routes. */
import { z } from "zod";
import type { Counts } from "./counts.ts";

const Counts = z.record(z.string(), z.number());
const Status = z.object({
  stream: z.string(),
  top: z.number(),
  settled: z.number(),
  outbox: z.record(z.string(), z.number()),
  relays: z.array(z.object({ relay: z.string(), position: z.number() })),
});
const Life = z.array(z.object({ name: z.string(), opportunities: z.number(), rows: z.number() }));

export type Status = z.infer<typeof Status>;
export type Life = z.infer<typeof Life>;

export class Steering {
  readonly #url: URL;

  constructor(url: URL) {
    this.#url = url;
  }

  async counts(): Promise<Counts> {
    return Counts.parse(await this.#call("counts"));
  }
  async status(): Promise<Status[]> {
    return z.array(Status).parse(await this.#call("status"));
  }
  async setRoundTrips(msByRegion: Readonly<Record<string, number>>): Promise<void> {
    await this.#call("round-trips", msByRegion);
  }
  /** Runs the cron's pruning with its clock moved on. */
  async prune(byMs: number): Promise<Counts> {
    return Counts.parse(await this.#call(`prune?by_ms=${byMs}`));
  }
  async d1Life(steps: readonly { name: string; events: readonly string[] }[]): Promise<Life> {
    return Life.parse(await this.#call("d1-life", steps));
  }

  async #call(path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(new URL(`/__bench/${path}`, this.#url), {
      method: "POST",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`/__bench/${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    return response.json();
  }
}
