/** Whether a deployed edge works: asked from outside, as its users would. Changes nothing there. */
import type { Settings } from "./environment.ts";

export interface SmokeCheck {
  readonly name: string;
  readonly path: string;
  readonly init?: RequestInit;
  /** What is wrong with the answer; undefined when nothing is. */
  judge(status: number, body: string): string | undefined;
}

export interface SmokeResult {
  readonly name: string;
  readonly problem?: string;
}

const requestTimeoutMs = 10_000;

/** A new version takes some seconds to be everywhere. */
export interface Patience {
  readonly attempts: number;
  readonly pauseMs: number;
}

const status = (wanted: number) => (got: number) => (got === wanted ? undefined : `answered ${got} instead of ${wanted}`);

export function smokeChecks({ secrets }: Pick<Settings, "secrets">): SmokeCheck[] {
  const key = (name: string): RequestInit => ({ headers: { "x-api-key": (secrets[name] ?? "").split(",")[0]?.trim() ?? "" } });
  return [
    { name: "it is healthy", path: "/health", judge: healthy },
    { name: "a post without a key is refused", path: "/api/events", init: { method: "POST", body: "[]" }, judge: status(401) },
    {
      name: "the ingest key is known",
      path: "/api/events",
      init: { method: "POST", body: "{", ...key("INGEST_API_KEYS") },
      judge: malformed,
    },
    { name: "operators get in", path: "/ops/channels", init: key("OPS_API_KEY"), judge: status(200) },
    { name: "strangers do not", path: "/ops/channels", judge: status(401) },
    { name: "it describes itself", path: "/openapi.json", judge: status(200) },
    { name: "sockets have an address", path: "/ws", judge: status(426) },
  ];
}

/** `degraded` too: one slow dependency is no reason to go back to a version that has the same one. */
function healthy(got: number, body: string): string | undefined {
  if (got === 200) return undefined;
  return `answered ${got}: ${body.slice(0, 500)}`;
}

/** Past the key and no further: nothing is published by a check. */
function malformed(got: number): string | undefined {
  return got === 400 || got === 415 ? undefined : `answered ${got}; a key that holds would lead to "malformed"`;
}

/** Each check until it holds or patience ends. */
export async function smoke(url: string, checks: readonly SmokeCheck[], patience: Patience): Promise<SmokeResult[]> {
  return Promise.all(checks.map((check) => settle(url, check, patience)));
}

async function settle(url: string, check: SmokeCheck, { attempts, pauseMs }: Patience): Promise<SmokeResult> {
  const problem = await ask(url, check);
  if (problem === undefined) return { name: check.name };
  if (attempts <= 1) return { name: check.name, problem };
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  return settle(url, check, { attempts: attempts - 1, pauseMs });
}

async function ask(url: string, { path, init, judge }: SmokeCheck): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(requestTimeoutMs), redirect: "manual" });
    return judge(response.status, await response.text());
  } catch (error) {
    return error instanceof Error ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ""}` : String(error);
  }
}
