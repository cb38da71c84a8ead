/** Who may post without a key: holders of WEBHOOK_SECRET. Decides whether a signature over the body is right: Standard Webhooks, or the owner's
 *  `x-arbitragex-signature`, which is taken only where it covers a timestamp. Pure: the clock is an argument. */
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { AppError } from "../../platform/errors.ts";
import type { Signed } from "../../producers/ingest/validate.ts";
import { isSameKey } from "./same-key.ts";

/** A request that was overheard is worth nothing after this time. One signed by a clock as far ahead of ours stays good for twice as long, which
 *  is how long channels know its events as repeats. */
export const toleranceMs = 5 * 60_000;
/** Ids of events are made of it, and they end at idCharsMax. */
const webhookIdCharsMax = 100;
/** While a secret is rotated there are two: more only make us compare. */
const signaturesMax = 8;

const standard = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;
const owners = { timestamp: "x-arbitragex-timestamp", signature: "x-arbitragex-signature" } as const;

export interface Signing {
  /** Each is tried, so that one can be rotated. `whsec_…` is base64, anything else the secret's own text. */
  readonly secrets: readonly string[];
  readonly nowMs: number;
}

/** What the headers claim, before the body is read. */
export interface Claim {
  readonly signed: Signed;
  /** The place, in the list, of the secret that signed exactly this body. Throws UNAUTHORIZED when none did. */
  verify(body: string): number;
}

/** A signature that is there must be right, also beside a key. */
export function isSigned(headers: Headers): boolean {
  return headers.has(standard.signature) || headers.has(owners.signature);
}

/** Throws UNAUTHORIZED for what no body could make right. Says what is wrong, never what would be right. */
export function claimOf(headers: Headers, signing: Signing): Claim {
  if (signing.secrets.length === 0)
    throw refusal("no WEBHOOK_SECRET is set, so no signature can be checked: post with an ingest key alone");
  return headers.has(standard.signature) ? standardClaim(headers, signing) : ownersClaim(headers, signing);
}

function standardClaim(headers: Headers, { secrets, nowMs }: Signing): Claim {
  const webhookId = headers.get(standard.id) ?? "";
  if (!/^[\x21-\x7e]+$/.test(webhookId) || webhookId.length > webhookIdCharsMax) {
    throw refusal(`${standard.id} must be 1 to ${webhookIdCharsMax} visible characters`);
  }
  const timeMs = timestampOf(headers, standard.timestamp, nowMs);
  const given = (headers.get(standard.signature) ?? "").split(" ", signaturesMax);
  return {
    signed: { webhookId, timeMs },
    verify(body) {
      const right = secrets.map((secret) => webhookOf(secret).sign(webhookId, new Date(timeMs), body));
      const place = placeOfRight(given, right);
      if (place >= 0) return place;
      throw refusal(`no signature in ${standard.signature} is right for ${standard.id}, ${standard.timestamp} and the body's bytes`);
    },
  };
}

/** Over the body alone it would stay good for ever. */
function ownersClaim(headers: Headers, { secrets, nowMs }: Signing): Claim {
  if (!headers.has(owners.timestamp)) {
    throw refusal(
      `whoever overhears an ${owners.signature} over the body alone can repeat it for ever: sign "<timestamp>.<body>", send the timestamp` +
        ` (epoch seconds) as ${owners.timestamp}, or use Standard Webhooks`,
    );
  }
  const timestamp = headers.get(owners.timestamp) ?? "";
  const timeMs = timestampOf(headers, owners.timestamp, nowMs);
  const given = (headers.get(owners.signature) ?? "").toLowerCase();
  return {
    signed: { timeMs },
    verify(body) {
      const right = secrets.map((secret) => `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`);
      const place = placeOfRight([given], right);
      if (place >= 0) return place;
      throw refusal(`${owners.signature} is not right for "<${owners.timestamp}>.<body>"`);
    },
  };
}

/** The place of the first that was given, or -1. Compares each with each, whatever the outcome: the time taken says nothing about which one
 *  matched. */
function placeOfRight(given: readonly string[], right: readonly string[]): number {
  return right.map((signature) => given.map((one) => isSameKey(one, signature)).includes(true)).indexOf(true);
}

function timestampOf(headers: Headers, name: string, nowMs: number): number {
  const text = headers.get(name) ?? "";
  if (!/^\d{1,12}$/.test(text)) throw refusal(`${name} must be epoch seconds`);
  const timeMs = Number(text) * 1_000;
  if (Math.abs(nowMs - timeMs) > toleranceMs) throw refusal(`${name} is more than ${toleranceMs / 60_000} minutes away from our clock`);
  return timeMs;
}

function webhookOf(secret: string): Webhook {
  return secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
}

function refusal(message: string): AppError {
  return new AppError("UNAUTHORIZED", message);
}
