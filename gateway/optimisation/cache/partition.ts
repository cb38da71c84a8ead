/** Who shares an answer: all, those with the same rights, or one user. Named by a hash of what decides, never by a credential, so that no name
 *  can be turned back into one, and two tokens with the same rights are one reader. Pure. */
import { sha256Hex } from "../../../platform/bytes.ts";
import { Remembered } from "../../../platform/remembered.ts";
import type { Reader } from "../../security/reader.ts";
import type { Policy } from "./policies.ts";

export interface Sharing {
  readonly sharedBy: Policy["sharedBy"];
  readonly reader: Reader;
  /** Whether anybody may have this answer without a credential. */
  readonly isPublic: boolean;
  /** A deploy may open or close channels to everybody. */
  readonly publicChannels: readonly string[];
}

export const everyone = "everyone";

/** Readers with the same rights ask again and again. */
const hashesRemembered = 512;
const hashes = new Remembered<string>(hashesRemembered);

/** Undefined: the answer is for this request alone. */
export function partitionOf({ sharedBy, reader, isPublic, publicChannels }: Sharing): string | undefined {
  if (isPublic) return everyone;
  if (reader.kind !== "client") return `${reader.kind}:${hashOf(JSON.stringify(publicChannels))}`;
  // Whose token it is and until when gives no right; whatever else a token comes to say may.
  const { sub, exp: _exp, iat: _iat, jti: _jti, sid: _sid, role, channels, ...more } = reader.claims;
  const rights = JSON.stringify([role?.toLowerCase() ?? null, sorted(channels), publicChannels, more]);
  if (sharedBy === "rights") return `rights:${hashOf(rights)}`;
  return sub === undefined ? undefined : `user:${hashOf(JSON.stringify([sub, rights]))}`;
}

function hashOf(text: string): string {
  return hashes.of(text, () => sha256Hex(text));
}

/** A map says the same in whatever order it was written. */
function sorted(channels: Readonly<Record<string, readonly string[]>> | undefined): unknown {
  if (channels === undefined) return null;
  const entries = Object.entries(channels).map(([pattern, actions]): [string, string[]] => [pattern, [...new Set(actions)].toSorted()]);
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
