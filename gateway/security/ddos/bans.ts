/** The operators' bans, compiled for lookup: single addresses and an IPv6 client's /64 cost one look, wider networks are compared one by
 *  one. Pure. */
import { contains, parseAddress, parseNetwork } from "../../../platform/network.ts";
import type { Network } from "../../../platform/network.ts";
import type { Published } from "../../../schemas/runtime-config.ts";
import { networkOf } from "../client-address.ts";

/** How long the client is still banned; 0 when it is not. `network` is networkOf(address). */
export type Bans = (address: string, network: string, nowMs: number) => number;

const none: Bans = () => 0;

export function compileBans(bans: Published["bans"]): Bans {
  if (bans.length === 0) return none;
  const exact = new Map<string, number>();
  const wide: { readonly network: Network; readonly untilMs: number }[] = [];
  for (const { network: text, until_ms: untilMs } of bans) {
    const network = parseNetwork(text);
    if (network === undefined) continue;
    if (isOneClient(network)) exact.set(networkOf(network.address.toString()), untilMs);
    else wide.push({ network, untilMs });
  }
  return (address, client, nowMs) => {
    const ofClient = (exact.get(client) ?? 0) - nowMs;
    if (ofClient > 0 || wide.length === 0) return Math.max(0, ofClient);
    const parsed = parseAddress(address);
    if (parsed === undefined) return 0;
    return wide.reduce((longest, { network, untilMs }) => (contains(network, parsed) ? Math.max(longest, untilMs - nowMs) : longest), 0);
  };
}

function isOneClient({ kind, bits }: Network): boolean {
  return bits === (kind === "ipv4" ? 32 : 64);
}
