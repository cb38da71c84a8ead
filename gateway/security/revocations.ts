/** Revocation as the Worker does it: what its own readers are checked against, and who else is told. */
import { streams } from "../../channels/catalogue.ts";
import { channelStub, relayName, relayStub } from "../../durable-objects/stubs.ts";
import { configOf } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { Revocations } from "../../platform/revocations.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { Revocation } from "../../schemas/revocation.ts";
import type { RelayRpc } from "../../schemas/rpc.ts";
import { readRevocations } from "../../stores/revocations.ts";

const known = new WeakMap<object, Revocations>();

/** One list per isolate. */
export function revocationsOf(env: Env): Revocations {
  const kept = known.get(env) ?? new Revocations((nowMs) => readRevocations(env, nowMs));
  known.set(env, kept);
  return kept;
}

/** An object that has not answered by now learns it from the store. */
const tellTimeoutMs = 1_500;

export interface Told {
  /** Sockets the relays closed. */
  readonly closed: number;
  /** Relays that did not answer: they read the store with their next renewal. */
  readonly unreached: readonly string[];
}

export type RevokingRelay = Pick<RelayRpc, "revoke">;

export interface TellDeps {
  relays(env: Env): Promise<readonly string[]>;
  relay(env: Env, name: string): RevokingRelay;
}

const platformDeps: TellDeps = {
  relays: relaysInUse,
  relay: relayStub,
};

/** Wakes each relay once; none has to poll. */
export async function tellRelays(env: Env, revocation: Revocation, deps: TellDeps = platformDeps): Promise<Told> {
  const names = await deps.relays(env);
  const answers = await Promise.all(names.map((name) => tell(deps.relay(env, name), name, revocation)));
  return {
    closed: answers.reduce<number>((sum, answer) => sum + (answer ?? 0), 0),
    unreached: names.filter((_, index) => answers[index] === undefined),
  };
}

async function tell(relay: RevokingRelay, name: string, revocation: Revocation): Promise<number | undefined> {
  try {
    return (await withTimeout(relay.revoke({ v: 1, revocation }), tellTimeoutMs, name)).closed;
  } catch (error) {
    logWarning("revocation.relay.unreached", { relay: name, reason: messageOf(error) });
    return undefined;
  }
}

/** The hubs know every relay that hears a stream, whatever its shard. A region's first relay is asked even when no hub answers. */
async function relaysInUse(env: Env): Promise<string[]> {
  const heard = await Promise.all(streams.map(({ name }) => relaysOf(env, name)));
  return [...new Set([...configOf(env).regions.map((region) => relayName(region, 0)), ...heard.flat()])];
}

async function relaysOf(env: Env, stream: string): Promise<string[]> {
  try {
    const status = await withTimeout(channelStub(env, stream).status({ v: 1, stream }), tellTimeoutMs, stream);
    return status.relays.map(({ relay }) => relay);
  } catch (error) {
    logWarning("revocation.hub.unreached", { stream, reason: messageOf(error) });
    return [];
  }
}
