/** What the routes of /security/* share: who acts on sessions for a request, and how their answers are kept. */
import type { Context } from "hono";
import { keepAlive } from "../middleware/guard.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { askedBy } from "../security/audit.ts";
import type { Reader } from "../security/reader.ts";
import type { SessionDeps } from "../security/sessions.ts";

export interface SecurityDeps {
  clock(): number;
  readonly tell: SessionDeps["tell"];
}

export type SecurityContext = Context<GatewayEnv>;

/** Whose request it is: a reader, or the name of whoever showed another credential. */
export interface Asked {
  readonly nowMs: number;
  readonly actor: string | Reader;
}

export function sessionDeps(c: SecurityContext, { tell }: SecurityDeps, { nowMs, actor }: Asked): SessionDeps {
  const by = typeof actor === "string" ? { ...askedBy(c, { kind: "anonymous" }), actor } : askedBy(c, actor);
  return { env: c.env, context: { waitUntil: (work) => keepAlive(c, work) }, nowMs, by, tell };
}

export const noStore = { "cache-control": "no-store" } as const;
