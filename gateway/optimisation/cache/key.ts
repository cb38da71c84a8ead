/** The name of an answer: policy, who may share it, path and query in one spelling. Two requests with the same name get the same answer, so
 *  everything that may change the answer is in it, and nothing a client can add at will. Pure. */
import { sha256Hex } from "../../../platform/bytes.ts";
import { Remembered } from "../../../platform/remembered.ts";
import type { PolicyName } from "./policies.ts";

export interface KeyParts {
  readonly policy: PolicyName;
  /** As partition.ts makes it; never a credential. */
  readonly partition: string;
  readonly path: string;
  /** As `canonicalValues` makes it. */
  readonly query: string;
}

export interface Key {
  readonly text: string;
  /** What it is stored under: bounded, and free of what readers sent. */
  readonly hash: string;
}

/** Hashing takes as long as finding the answer. */
const hashesRemembered = 512;
const hashes = new Remembered<string>(hashesRemembered);

export function keyOf({ policy, partition, path, query }: KeyParts): Key {
  // A line each: no part can pretend to be the next one, a URL's path and query hold no line break.
  const text = ["v1", policy, partition, path, query].join("\n");
  return { text, hash: hashes.of(text, () => sha256Hex(text)) };
}

/** Of a query that was parsed, so that it names known parameters only, once each: in one order, and what was left out and what was said with the
 *  default's value are one. */
export function canonicalValues(values: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  const texts = said.map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(texts.toSorted(([a], [b]) => (a < b ? -1 : 1))).toString();
}
