/** Against the real D1: who is first is its decision. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AppError } from "../../platform/errors.ts";
import { executionOpenMs, idempotencyKeptMs } from "../../schemas/limits-proxy.ts";
import { claimExecution, releaseExecution, settleExecution } from "../../stores/executions-once.ts";
import { BackendError } from "./call.ts";
import { happenOnce, keyOf, ownerOf } from "./once.ts";
import type { Once, OnceDeps } from "./once.ts";

let keys = 0;

interface World extends OnceDeps {
  nowMs: number;
}

function world(overrides: Partial<OnceDeps> = {}): World {
  const own: World = {
    nowMs: Date.UTC(2026, 10, 24, 12),
    claim: (claim) => claimExecution(env, claim),
    settle: (...settled) => settleExecution(env, ...settled),
    release: (mine) => releaseExecution(env, mine),
    waitUntil: (work) => void work,
    clock: () => own.nowMs,
    ...overrides,
  };
  return own;
}

/** One execution, and how often it was sent. */
function execution(send: () => Promise<Response> | Response, key = `key-${(keys += 1)}`): Once & { sent: string[] } {
  const sent: string[] = [];
  return {
    owner: "user:alice",
    key,
    what: ["/opportunities/o1/execute", "{}"],
    sent,
    send: async (keyHash) => {
      sent.push(keyHash);
      return await send();
    },
  };
}

const done = (): Response => Response.json({ success: true, data: { transaction_hash: "0x1", amount: "1" } }, { status: 202 });
const dies = (error: unknown) => (): never => {
  throw error;
};
const lost = new BackendError("UPSTREAM_TIMEOUT", "did not answer", { sent: "maybe" });

const failure = (work: Promise<Response>): Promise<AppError> =>
  work.then(
    () => Promise.reject(new Error("it was answered")),
    (error: AppError) => error,
  );

describe("a repeat", () => {
  it("of what nobody knows is never sent again, and is told the same for ever, also when the first one's sender died", async () => {
    const deps = world();
    const once = execution(dies(lost));
    const first = await failure(happenOnce(once, deps));
    expect(first).toMatchObject({ code: "UPSTREAM_TIMEOUT", status: 504, details: { outcome: "unknown" } });
    deps.nowMs += idempotencyKeptMs - 1;
    const again = await failure(happenOnce(once, deps));
    expect([again.code, again.status, again.message]).toEqual([first.code, first.status, first.message]);
    expect(again.details).toEqual({ outcome: "unknown", replayed: true });
    expect(once.sent).toHaveLength(1);
  });

  it("while the first is on its way is refused, and once its sender must have died it is told that nobody knows", async () => {
    const deps = world();
    const once = execution(() => new Promise<Response>(() => undefined));
    void happenOnce(once, deps);
    await expect.poll(() => once.sent.length).toBe(1);
    expect(await failure(happenOnce(once, deps))).toMatchObject({ code: "CONFLICT", status: 409, retryAfterSeconds: 1 });
    deps.nowMs += executionOpenMs;
    expect(await failure(happenOnce(once, deps))).toMatchObject({ status: 504, details: { outcome: "unknown" } });
    expect(once.sent).toHaveLength(1);
  });

  it("is answered as the first was, to the byte", async () => {
    const text = '{"success":true,"data":{"wei":1000209768293722043}}';
    const once = execution(() => new Response(text, { status: 201, headers: { "content-type": "application/json" } }));
    const [first, again] = [await happenOnce(once, world()), await happenOnce(once, world())];
    expect([first.status, await first.text(), first.headers.get("idempotency-replayed")]).toEqual([201, text, null]);
    expect([again.status, await again.text(), again.headers.get("idempotency-replayed")]).toEqual([201, text, "true"]);
    expect(once.sent).toHaveLength(1);
  });

  it("of what was refused is refused with the same words", async () => {
    const details = { backend: { status: 422 } };
    const once = execution(dies(new BackendError("INVALID_PARAMETERS", "too late", { sent: "refused", status: 422, details })));
    const [first, again] = [await failure(happenOnce(once, world())), await failure(happenOnce(once, world()))];
    expect([first.code, first.status, first.message]).toEqual([again.code, again.status, again.message]);
    expect(again).toMatchObject({
      code: "INVALID_PARAMETERS",
      status: 422,
      message: "too late",
      details: { ...details, outcome: "refused" },
    });
    expect(once.sent).toHaveLength(1);
  });

  it("under the same key for something else is refused by name", async () => {
    const once = execution(done);
    await happenOnce(once, world());
    const other = { ...once, what: ["/opportunities/o2/execute", "{}"] };
    expect(await failure(happenOnce(other, world()))).toMatchObject({ status: 422, details: { parameter: "Idempotency-Key" } });
    expect(once.sent).toHaveLength(1);
  });

  it("by somebody else is not a repeat", async () => {
    const once = execution(done);
    await happenOnce(once, world());
    await happenOnce({ ...once, owner: "user:bob" }, world());
    expect(new Set(once.sent).size).toBe(2);
  });
});

it("lets one of fifty that come at once be sent", async () => {
  const gate = Promise.withResolvers<undefined>();
  const once = execution(async () => {
    await gate.promise;
    return done();
  });
  const all = Array.from({ length: 50 }, () =>
    happenOnce(once, world()).then(
      (response) => response.status,
      (error: AppError) => error.status,
    ),
  );
  const others = Promise.all(all).then((statuses) => statuses.filter((status) => status === 409).length);
  await expect.poll(() => once.sent.length).toBe(1);
  // Long enough for the others to have asked: they are refused without waiting for the first.
  await Promise.race(all);
  gate.resolve(undefined);
  expect(await others).toBe(49);
  expect(once.sent).toHaveLength(1);
});

describe("a key", () => {
  it.each([
    ["was not sent", new BackendError("CAPACITY_EXCEEDED", "full", { sent: "no" })],
    ["was turned away before it was looked at", new BackendError("CAPACITY_EXCEEDED", "429", { sent: "refused" })],
  ])("is free again when it %s", async (_, error) => {
    const once = execution(dies(error));
    expect(await failure(happenOnce(once, world()))).toBe(error);
    const again = execution(done, once.key);
    expect((await happenOnce(again, world())).status).toBe(202);
  });

  it("is forgotten after a week", async () => {
    const deps = world();
    const once = execution(done);
    await happenOnce(once, deps);
    deps.nowMs += idempotencyKeptMs + 1;
    await happenOnce(once, deps);
    expect(once.sent).toHaveLength(2);
  });

  it.each([[undefined], [""], ["a b"], ["x".repeat(129)], ["ключ"], ["a\u0000"]])("must be visible text, which %j is not", (header) => {
    expect(() => keyOf(header)).toThrow("Idempotency-Key");
  });

  it("belongs to a user, or to the token alone, and to nobody else", () => {
    const claims = { sub: undefined, role: undefined, channels: undefined, exp: 1 };
    expect(ownerOf({ kind: "client", claims: { ...claims, sub: "a", jti: "1" } })).toBe("user:a");
    expect(ownerOf({ kind: "client", claims: { ...claims, jti: "1" } })).toBe("token:1");
    expect(ownerOf({ kind: "operator" })).toBe("operator");
    expect(() => ownerOf({ kind: "client", claims })).toThrow("does not name its user");
  });
});

describe("when its memory fails", () => {
  it("before, nothing is sent", async () => {
    const once = execution(done);
    const error = await failure(happenOnce(once, world({ claim: () => Promise.reject(new Error("D1 is down")) })));
    expect(error).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 503 });
    expect(error.message).toContain("nothing is sent");
    expect(once.sent).toHaveLength(0);
  });

  it("to say that it has claimed, nothing is sent and the key is freed", async () => {
    const once = execution(done);
    const kept: Promise<unknown>[] = [];
    const claim: OnceDeps["claim"] = async (wanted) => {
      await claimExecution(env, wanted);
      throw new Error("connection lost");
    };
    await failure(happenOnce(once, world({ claim, waitUntil: (work) => void kept.push(work) })));
    await Promise.all(kept);
    expect((await happenOnce(once, world())).status).toBe(202);
    expect(once.sent).toHaveLength(1);
  });

  it("after, the answer is given all the same, and a repeat is told that nobody knows", async () => {
    const once = execution(done);
    const deps = world({ settle: () => Promise.reject(new Error("D1 is down")) });
    expect((await happenOnce(once, deps)).status).toBe(202);
    deps.nowMs += executionOpenMs;
    expect(await failure(happenOnce(once, deps))).toMatchObject({ details: { outcome: "unknown" } });
    expect(once.sent).toHaveLength(1);
  });

  it("once to write, it is written by the next try", async () => {
    const once = execution(done);
    let tries = 0;
    const settle: OnceDeps["settle"] = async (...settled) => {
      if ((tries += 1) === 1) throw new Error("D1 is busy");
      await settleExecution(env, ...settled);
    };
    await happenOnce(once, world({ settle }));
    expect((await happenOnce(once, world())).headers.get("idempotency-replayed")).toBe("true");
  });
});

it.each<[string, () => Response]>([
  ["breaks off", () => new Response(new ReadableStream({ start: (controller) => controller.error(new Error("reset")) }))],
  ["is no JSON", () => new Response("{", { headers: { "content-type": "application/json" } })],
])("does not know what happened when the answer %s", async (_, answer) => {
  const once = execution(answer);
  expect(await failure(happenOnce(once, world()))).toMatchObject({ status: 502, details: { outcome: "unknown" } });
  expect(await failure(happenOnce(once, world()))).toMatchObject({ status: 502, details: { outcome: "unknown" } });
  expect(once.sent).toHaveLength(1);
});
