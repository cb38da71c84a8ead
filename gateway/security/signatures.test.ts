import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { claimOf, isSigned, toleranceMs } from "./signatures.ts";

const nowMs = Date.UTC(2026, 10, 24, 2);
const body = '{"a":"é"}';
const current = `whsec_${btoa("a secret of at least twenty-four bytes")}`;
const previous = "plain text secret of the owner";
const secrets = [current, previous];

interface Sending {
  readonly secret?: string;
  readonly timeMs?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** As npm standardwebhooks signs. */
function standard({ secret = current, timeMs = nowMs, body: signed = body, headers = {} }: Sending = {}): Headers {
  const webhook = secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
  return new Headers({
    "webhook-id": "msg_1",
    "webhook-timestamp": String(Math.floor(timeMs / 1_000)),
    "webhook-signature": webhook.sign("msg_1", new Date(timeMs), signed),
    ...headers,
  });
}

function owners({ secret = previous, timeMs = nowMs, body: signed = body, headers = {} }: Sending = {}): Headers {
  const timestamp = String(Math.floor(timeMs / 1_000));
  const hex = createHmac("sha256", secret).update(`${timestamp}.${signed}`).digest("hex");
  return new Headers({ "x-arbitragex-timestamp": timestamp, "x-arbitragex-signature": `sha256=${hex}`, ...headers });
}

/** What the signature says, or why it is refused. */
function verify(headers: Headers, held: readonly string[] = secrets): unknown {
  try {
    const claim = claimOf(headers, { secrets: held, nowMs });
    claim.verify(body);
    return claim.signed;
  } catch (error) {
    if (error instanceof AppError && error.code === "UNAUTHORIZED") return error.message;
    throw error;
  }
}

describe("a Standard Webhooks signature", () => {
  it.each([
    ["of another secret", standard({ secret: `whsec_${btoa("another secret of twenty-four bytes")}` }), /no signature/],
    ["of another body", standard({ body: '{"a":"e"}' }), /no signature/],
    ["of another id", standard({ headers: { "webhook-id": "msg_2" } }), /no signature/],
    ["of another time", standard({ headers: { "webhook-timestamp": String(nowMs / 1_000 - 1) } }), /no signature/],
    ["of another version", standard({ headers: { "webhook-signature": "v1a,AAAA" } }), /no signature/],
    ["that is empty", standard({ headers: { "webhook-signature": "" } }), /no signature/],
    ["without an id", standard({ headers: { "webhook-id": "" } }), /webhook-id must be/],
    ["with a long id", standard({ headers: { "webhook-id": "x".repeat(101) } }), /webhook-id must be/],
    ["with an id of several words", standard({ headers: { "webhook-id": "a b" } }), /webhook-id must be/],
    ["without a time", standard({ headers: { "webhook-timestamp": "" } }), /must be epoch seconds/],
    ["with a time in words", standard({ headers: { "webhook-timestamp": "12e5" } }), /must be epoch seconds/],
    ["too old", standard({ timeMs: nowMs - toleranceMs - 1_000 }), /5 minutes/],
    ["from the future", standard({ timeMs: nowMs + toleranceMs + 1_000 }), /5 minutes/],
  ])("%s is refused, saying why", (_, headers, reason) => {
    expect(verify(headers)).toMatch(reason);
  });

  it.each([
    ["at the edge of the past", standard({ timeMs: nowMs - toleranceMs }), -toleranceMs],
    ["at the edge of the future", standard({ timeMs: nowMs + toleranceMs }), toleranceMs],
    ["of the secret before", standard({ secret: previous }), 0],
    ["among others", standard({ headers: { "webhook-signature": `v1,AAAA v1a,BBBB ${standard().get("webhook-signature")}` } }), 0],
  ])("%s is taken", (_, headers, offsetMs) => {
    expect(verify(headers)).toEqual({ webhookId: "msg_1", timeMs: nowMs + offsetMs });
  });

  it("is looked for among eight only: a header full of them costs a stranger more than us", () => {
    const many = `${"v1,AAAA ".repeat(8)}${standard().get("webhook-signature")}`;
    expect(verify(standard({ headers: { "webhook-signature": many } }))).toMatch(/no signature/);
  });
});

describe("the owner's signature", () => {
  it("over the body alone is refused with an explanation", () => {
    const hex = createHmac("sha256", previous).update(body).digest("hex");
    expect(verify(new Headers({ "x-arbitragex-signature": `sha256=${hex}` }))).toMatch(/repeat it for ever.*x-arbitragex-timestamp/);
  });

  it.each([
    ["of another secret", owners({ secret: "another one" }), /is not right/],
    ["of another body", owners({ body: "{}" }), /is not right/],
    ["of another time", owners({ headers: { "x-arbitragex-timestamp": String(nowMs / 1_000 - 1) } }), /is not right/],
    ["without its prefix", owners({ headers: { "x-arbitragex-signature": "abc" } }), /is not right/],
    ["too old", owners({ timeMs: nowMs - toleranceMs - 1_000 }), /5 minutes/],
  ])("%s is refused, saying why", (_, headers, reason) => {
    expect(verify(headers)).toMatch(reason);
  });

  it("that covers its timestamp is taken, in either case of hex, by any of the secrets", () => {
    const headers = owners({ secret: current });
    headers.set("x-arbitragex-signature", (headers.get("x-arbitragex-signature") ?? "").toUpperCase());
    expect([verify(owners()), verify(headers)]).toEqual([{ timeMs: nowMs }, { timeMs: nowMs }]);
  });
});

it("can't be right where no secret is set", () => {
  expect(verify(standard(), [])).toMatch(/WEBHOOK_SECRET is not set|no WEBHOOK_SECRET/);
});

it("is there when either header is", () => {
  expect([isSigned(new Headers()), isSigned(standard()), isSigned(owners())]).toEqual([false, true, true]);
});

it("tells which of the secrets signed, whose allowance pays for the events", () => {
  const placeOf = (headers: Headers): number => claimOf(headers, { secrets, nowMs }).verify(body);
  expect([placeOf(standard()), placeOf(standard({ secret: previous })), placeOf(owners())]).toEqual([0, 1, 1]);
});
