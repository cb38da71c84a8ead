import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AnswerStore } from "./api-cache.ts";
import { kvKeepSecondsMin, readAnswer, readPurge, writeAnswer, writePurge } from "./api-cache.ts";

const bytes = new TextEncoder().encode("answer");

/** The real KV, noting what it is asked to keep and for how long. */
function noting() {
  const puts: { readonly key: string; readonly expirationTtl: number | undefined }[] = [];
  const kv = new Proxy(env.API_CACHE, {
    get: (target, name) => {
      if (name === "put") {
        return (key: string, value: string, options?: KVNamespacePutOptions) => {
          puts.push({ key, expirationTtl: options?.expirationTtl });
          return target.put(key, value, options);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const store: AnswerStore = { API_CACHE: kv };
  return { store, puts };
}

describe("an answer in KV", () => {
  it.each([-1, 0, 0.4, 1, 5, 30, 59.9])("that is good for %d s is kept for a minute: KV refuses less", async (keepSeconds) => {
    const { store, puts } = noting();
    await writeAnswer(store, "short", { bytes, keepSeconds });
    expect(puts.map(({ expirationTtl }) => expirationTtl)).toEqual([kvKeepSecondsMin]);
  });

  it("that is good for longer is kept for whole seconds", async () => {
    const { store, puts } = noting();
    await writeAnswer(store, "long", { bytes, keepSeconds: 86_460.2 });
    expect(puts[0]?.expirationTtl).toBe(86_461);
  });

  it("comes back byte for byte; what was never there is nothing", async () => {
    await writeAnswer(env, "k", { bytes, keepSeconds: 60 });
    expect(await readAnswer(env, "k")).toEqual(bytes);
    expect(await readAnswer(env, "absent")).toBeUndefined();
  });
});

describe("a purge", () => {
  it("is never taken back by another that was written at the same time", async () => {
    await Promise.all([writePurge(env, "strategies", 5), writePurge(env, "executions", 6)]);
    expect([await readPurge(env, "strategies"), await readPurge(env, "executions"), await readPurge(env, "opportunities")]).toEqual([
      5, 6, 0,
    ]);
  });

  it("that cannot be read as a time is none", async () => {
    await env.API_CACHE.put("purge/v1/backend.chains", "yesterday");
    expect(await readPurge(env, "backend.chains")).toBe(0);
  });
});
