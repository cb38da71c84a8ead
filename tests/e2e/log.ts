/** The edge's own word: what it was sent, and what its log says, to compare a client's memory with. */
import { opportunityJson, type OpportunityOptions } from "../support/publications.ts";

export interface LogEntry {
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
}

/** The most one request takes. */
const requestEvents = 1_000;

export async function postEvents(url: string, events: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
  for (let from = 0; from < events.length; from += requestEvents) {
    const response = await fetch(`${url}/api/events`, {
      method: "POST",
      headers: { "x-api-key": "dev-ingest-key-0001", "content-type": "application/json" },
      body: JSON.stringify(events.slice(from, from + requestEvents)),
    });
    const body = (await response.json()) as { data?: { accepted: number; rejected: unknown[] } };
    const expected = Math.min(requestEvents, events.length - from);
    if (response.status !== 202 || body.data?.accepted !== expected) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  }
}

/** Each an entity of its own unless told, named after `name`. */
export function opportunitiesOf(
  name: string,
  count: number,
  over: (index: number) => Partial<OpportunityOptions> = () => ({}),
): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => opportunityJson({ id: `${name}-${index}`, ...over(index) }));
}

/** Every entry after the position, in order. */
export async function readLog(
  url: string,
  channel: string,
  since: { readonly epoch: string; readonly offset: number },
): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let through = since.offset; ;) {
    const query = new URLSearchParams({ since: String(through), epoch: since.epoch, limit: "1000" });
    const response = await fetch(`${url}/api/channels/${channel}/history?${query}`, { headers: { "x-api-key": "dev-ops-key-0001" } });
    const { data, pagination } = (await response.json()) as {
      data: { through: number; events: { epoch: string; offset: number; event: { id: string } }[] };
      pagination: { has_next: boolean };
    };
    entries.push(...data.events.map(({ epoch, offset, event }) => ({ epoch, offset, id: event.id })));
    through = data.through;
    if (!pagination.has_next) return entries;
  }
}

/** Resolves once the condition holds; `poke` it whenever something happened. */
export function waitFor(what: string, withinMs = 20_000): { readonly done: (condition: () => boolean) => Promise<void>; poke(): void } {
  let check = (): void => undefined;
  const done = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what} never came`)), withinMs);
      check = () => {
        if (!condition()) return;
        clearTimeout(timer);
        resolve();
      };
      check();
    });
  return { done, poke: () => check() };
}
