/** Units and rules that several dialects of an opportunity share. */
import { opportunityStatuses } from "../../schemas/data.ts";
import { chainIdOf, chainInSource } from "./chains.ts";
import type { Mapping } from "./mapping.ts";
import type { Reading } from "./reading.ts";
import { chain, text, words } from "./units.ts";

type Status = (typeof opportunityStatuses)[number];

/** The frontend's `completed` is `executed`. */
const statuses: Readonly<Record<string, Status>> = {
  ...(Object.fromEntries(opportunityStatuses.map((status) => [status, status])) as Record<Status, Status>),
  completed: "executed",
};
export const opportunityStatus = words(statuses);

/** The status as sent, or what the type of the event implies: `detected` is pending, `expired` is expired; an update must say. */
export function statusFrom(from: readonly string[]): Mapping {
  return {
    to: "execution_status",
    from,
    says: `${opportunityStatus.says}; unless sent: pending when detected, expired when expired`,
    otherwise: "refused",
    compute: (reading) => reading.takeFirst(from, opportunityStatus) ?? impliedBy[reading.type],
  };
}

const impliedBy: Readonly<Record<string, Status>> = { "opportunity.detected": "pending", "opportunity.expired": "expired" };

/** The chain as sent, or the one that the event's source names. */
export function chainFrom(from: readonly string[]): Mapping {
  return {
    to: "chain",
    from,
    says: `${chain.says}; else the chain that the event's source names`,
    otherwise: "refused",
    compute: (reading) => reading.takeFirst(from, chain) ?? chainInSource(reading.source),
  };
}

/** The registered number of the chain. */
export function chainIdFrom(from: readonly string[]): Mapping {
  return {
    to: "chain_id",
    from,
    says: "the chain's registered number",
    otherwise: "left out",
    compute: (reading) => {
      const slug = reading.takeFirst(from, chain) ?? chainInSource(reading.source);
      return slug === undefined ? undefined : chainIdOf(slug);
    },
  };
}

/** "WETH/USDC": both tokens by name, where `nameOf` may know a better one. */
export function pairFrom(paths: readonly [string, string], nameOf?: (name: string, reading: Reading) => string | undefined): Mapping {
  return {
    to: "token_pair",
    from: paths,
    says:
      nameOf === undefined ? "both symbols, joined by /" : "symbols of the commonest tokens, else as sent (address or symbol), joined by /",
    otherwise: "refused",
    compute(reading) {
      const names = paths.map((path) => reading.take(path, text));
      if (names.includes(undefined)) return undefined;
      return names.map((name = "") => nameOf?.(name, reading) ?? name).join("/");
    },
  };
}

/** Canonical currency codes; "USD" unless the sender says (CONTRACT 1). */
export function currency(code: string): Mapping {
  return { to: "profit_currency", from: [], says: `always ${code}`, otherwise: "refused", compute: () => code };
}

/** The greatest risk there is: what nobody has judged must pass no filter that asks for a low one. */
export const unknownRisk = { absent: 10 } as const;
/** What nobody has measured passes no filter that asks for more. */
export const unknownAmount = { absent: "0" } as const;
export const unknownVenue = { absent: "unknown" } as const;
