/** GET /.well-known/jwks.json: the public halves of our key pairs. POST /security/keys/rotate: operators put a new pair in the place of the one
 *  that signs; the others verify for as long as their tokens may live. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { ownAlgorithm } from "../../platform/own-keys.ts";
import { signingKeyAheadMs, tokenSecondsMax } from "../../schemas/token-limits.ts";
import { readSigners } from "../../stores/signing-keys.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { readTypedJson } from "../http/typed-body.ts";
import { identify, requireOperator } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { addSigningKey, ownKeysOf, type Addition } from "../security/signing-keys.ts";
import { noStore, type SecurityContext, type SecurityDeps } from "./security-deps.ts";

const bodyBytesMax = 1_024;
/** A new key is published 90 s before it signs: nobody who asks this often meets a token of it unprepared. */
const keysMaxAgeSeconds = 60;
const keyStore = { what: "our signing keys" };

/** 0: a private half is no longer private; every token of the other keys ends, within a minute. */
export const RotateBody = z.strictObject({ overlap_seconds: z.int().min(0).max(tokenSecondsMax).default(tokenSecondsMax) });

export async function answerKeys(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const keys = await ownKeysOf(c.env).list(deps.clock());
  const published = keys.map(({ kid, jwk }) => ({ ...jwk, kid, alg: ownAlgorithm, use: "sig" }));
  return c.json({ keys: published }, 200, { "cache-control": `public, max-age=${keysMaxAgeSeconds}` });
}

export async function answerRotate(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const reader = await identify(c, nowMs);
  requireOperator(reader);
  const { overlap_seconds: overlapSeconds } = await readTypedJson(c.req.raw, RotateBody, bodyBytesMax);
  const hasSigner = (await ask(readSigners(c.env, nowMs), keyStore)).length > 0;
  const addition = successionOf({ hasSigner, overlapSeconds, nowMs });
  const details = { overlap_seconds: overlapSeconds };
  const entry = { ...askedBy(c, reader), action: "keys.rotated" as const, details, timeMs: nowMs, firstMs: nowMs, count: 1 };
  const key = await ask(addSigningKey(c.env, addition, entry), keyStore);
  if (key === undefined) throw new AppError("CAPACITY_EXCEEDED", "too many signing keys are live: the oldest must end first");
  const [signsFrom, othersUntil] = [key.signsFromMs, addition.succession.othersUntilMs].map((ms) => new Date(ms).toISOString());
  return c.json(success({ kid: key.kid, alg: ownAlgorithm, signs_from: signsFrom, others_until: othersUntil }), 201, noStore);
}

export interface Change {
  readonly hasSigner: boolean;
  readonly overlapSeconds: number;
  readonly nowMs: number;
}

/** A key that was published for a while signs in the place of one that still verifies; nobody waits for the first one, or after a theft. */
export function successionOf({ hasSigner, overlapSeconds, nowMs }: Change): Addition {
  const isUrgent = !hasSigner || overlapSeconds === 0;
  const signsFromMs = isUrgent ? nowMs : nowMs + signingKeyAheadMs;
  const othersUntilMs = overlapSeconds === 0 ? nowMs : signsFromMs + overlapSeconds * 1_000;
  return { signsFromMs, succession: { othersUntilMs, when: "always" } };
}
