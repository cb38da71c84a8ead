/** GET /ops/doctor: every binding is asked, secrets and variables are judged, and each finding says what to do. Reads only. */
import type { Context } from "hono";
import { configOf } from "../../platform/config.ts";
import type { DoctorCheck, DoctorReport } from "../../schemas/doctor.ts";
import { bindingChecks } from "../doctor/bindings.ts";
import { runDoctor, worstOf } from "../doctor/run.ts";
import { inspectSecrets } from "../doctor/secrets.ts";
import { inspectVars } from "../doctor/vars.ts";
import { success } from "../http/envelope.ts";

export async function answerDoctor(c: Context<{ Bindings: Env }>, clock: () => number): Promise<Response> {
  const now = clock();
  const found = await runDoctor(bindingChecks(c.env, now), clock);
  const checks = [...found, ...judged(c.env)];
  const { id, tag, timestamp } = c.env.VERSION;
  const report: DoctorReport = {
    status: worstOf(checks),
    server_time: new Date(clock()).toISOString(),
    version: { id, tag, deployed_at: timestamp },
    checks,
  };
  return c.json(success(report), 200, { "cache-control": "no-store" });
}

/** What needs no asking. */
function judged(env: Env): DoctorCheck[] {
  const config = configOf(env);
  const secrets = inspectSecrets({ ...env }, config.environment === "production");
  const vars = inspectVars(config).map((finding) => ({ name: "vars", ...finding }));
  const clean = { name: "vars", status: "ok", detail: "do not contradict one another" } as const;
  return [...secrets, ...(vars.length === 0 ? [clean] : vars)].map((check) => ({ ...check, latency_ms: 0 }));
}
