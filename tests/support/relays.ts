/** Reaches into the Relay that serves the tests' sockets: its stub, its rows, and its view of the hub. */
import { evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { channelStub, relayName } from "../../durable-objects/stubs.ts";
import type { ChannelRpc } from "../../schemas/rpc.ts";

/** Requests of tests carry no place, so they land in the first region. */
export const testRelayName = relayName(env.REGIONS.split(",")[0] ?? "", 0);

export function rawRelay(): DurableObjectStub {
  return env.RELAYS.get(env.RELAYS.idFromName(testRelayName));
}

export async function relayRows<T extends Record<string, SqlStorageValue>>(query: string): Promise<T[]> {
  return runInDurableObject(rawRelay(), (_, state) => state.storage.sql.exec<T>(query).toArray());
}

/** A relay that a flood keeps busy answers "full", and the next socket is on another one: what must be so for all is asked of all. */
export async function rowsOfAllRelays<T extends Record<string, SqlStorageValue>>(query: string): Promise<T[]> {
  const rows: T[] = [];
  for (const id of await listDurableObjectIds(env.RELAYS))
    rows.push(...(await runInDurableObject(env.RELAYS.get(id), (_, state) => state.storage.sql.exec<T>(query).toArray())));
  return rows;
}

/** A death in the middle of a burst: the sockets live on and nobody knows what they were sent. A test's eviction waits until the object has
 *  come to rest, so the mark of an unfinished burst is put back first. */
export async function killInBurst(stream: string): Promise<void> {
  await runInDurableObject(rawRelay(), (_, state) => {
    state.storage.sql.exec("UPDATE streams SET clean = 0 WHERE stream = ?", stream);
  });
  await evictDurableObject(rawRelay());
}

/** Puts `change` between the running relay and its hub. Ends with the instance, so an eviction takes it away. */
export async function changeHub(change: (real: ChannelRpc, stream: string) => Partial<ChannelRpc>): Promise<void> {
  await runInDurableObject(rawRelay(), (instance) => {
    const hub = (stream: string): ChannelRpc => {
      const stub = channelStub(env, stream);
      const real: ChannelRpc = {
        publish: (request) => stub.publish(request),
        interest: (request) => stub.interest(request),
        leave: (request) => stub.leave(request),
        history: (request) => stub.history(request),
        applied: (request) => stub.applied(request),
        settled: (request) => stub.settled(request),
        latest: (request) => stub.latest(request),
        presence: (request) => stub.presence(request),
        status: (request) => stub.status(request),
      };
      return { ...real, ...change(real, stream) };
    };
    Object.defineProperty(instance, "hub", { value: hub, configurable: true });
  });
}

/** Holds back everything that passes until it is opened. Polls, because a promise of one object may not be settled by another. */
export class Gate {
  passed = 0;
  #isOpen = false;

  open(): void {
    this.#isOpen = true;
  }

  async pass(): Promise<void> {
    this.passed += 1;
    await until(() => this.#isOpen);
  }

  /** Somebody stands at the gate. */
  async reached(): Promise<void> {
    await until(() => this.passed > 0);
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2));
}
