/** No secret, token or key reaches a log, the audit log or D1, whatever happens to it. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readAudit } from "../../stores/audit.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { bearer, emptySessionsDatabase, operatorKey, TokenEdge } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";

beforeEach(emptySessionsDatabase);
afterEach(() => {
  setFaults({});
  vi.restoreAllMocks();
});

it("is in a log line or a row, through minting, refreshing, reuse, refusals, outages and bugs", async () => {
  const lines: string[] = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts.map(String).join(" "));
  for (const level of ["log", "info", "warn", "error", "debug"] as const) vi.spyOn(console, level).mockImplementation(keep);
  const edge = new TokenEdge({ TOKEN_ALG: "ES256" });
  const client = await edge.client({ role: "trader" });
  const first = await edge.minted({ sub: "u" }, client);
  const second = await edge.refreshed(first.refresh);
  const third = await edge.refreshed(second.refresh);
  await edge.refresh(first.refresh);
  await edge.ask("/security/verify", { body: { token: third.access } });
  await edge.ask("/security/keys/rotate", { headers: operatorKey });
  const guessed = "guessed-key-that-must-not-be-kept";
  for (const headers of [{ "x-api-key": guessed }, bearer(guessed), bearer(third.access), bearer(env.JWT_SECRET)]) {
    await edge.mint({}, headers);
    await app.request("/ops/channels", { headers }, env);
    await app.request(`/ws/executions?token=${guessed}`, { headers: { ...headers, upgrade: "websocket" } }, env);
  }
  setFaults({
    d1: () => {
      throw new Error("D1 is down");
    },
  });
  const down = new TokenEdge({ TOKEN_ALG: "ES256" }, faultyEnv(env));
  for (const headers of [operatorKey, client]) await down.mint({ sub: "u" }, headers);
  await down.refresh(third.refresh);
  await down.ask("/security/revoke", { headers: bearer(second.access) });
  setFaults({});
  await env.SESSIONS_DB.prepare("ALTER TABLE sessions RENAME TO sessions_away").run();
  await edge.mint({ sub: "u" });
  await env.SESSIONS_DB.prepare("ALTER TABLE sessions_away RENAME TO sessions").run();

  const tables = ["sessions", "audit", "revocations", "api_clients", "signing_keys"];
  const stored = await Promise.all(tables.map(async (table) => (await env.SESSIONS_DB.prepare(`SELECT * FROM ${table}`).all()).results));
  const kept = [...lines, JSON.stringify(stored), JSON.stringify(await readAudit(env, { sinceMs: 0, untilMs: 9e15, limit: 500 }))].join(
    "\n",
  );
  // The run was seen at all: what failed is in the log, and what was decided on record.
  expect([lines.some((line) => line.includes("unread")), kept.includes("token.reused"), kept.includes(first.sessionId)]).toEqual([
    true,
    true,
    true,
  ]);
  const tokens = [first, second, third].flatMap(({ access, refresh }) => [access, refresh]);
  const parts = tokens.flatMap((token) => [token, token.split(".").at(-1) ?? token]);
  const keys = [env.JWT_SECRET, env.OPS_API_KEY, client["x-api-key"], client["x-api-key"].split("_").slice(2).join("_"), guessed];
  for (const secret of [...parts, ...keys]) expect([secret.slice(0, 6), kept.includes(secret)]).toEqual([secret.slice(0, 6), false]);
});
