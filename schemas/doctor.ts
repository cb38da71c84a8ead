/** What GET /ops/doctor answers: one line for each thing that was looked at, and what to do about it. Values of secrets are never in it. */
import { z } from "zod";

export const DoctorCheck = z.object({
  name: z.string().describe("`d1:METRICS_DB`, `secret:JWT_SECRET`, `cron:compaction`"),
  status: z.enum(["ok", "warn", "fail"]),
  detail: z.string(),
  advice: z.string().optional().describe("what to do; absent when nothing is to be done"),
  latency_ms: z.number(),
});

export const DoctorReport = z.object({
  status: z.enum(["ok", "warn", "fail"]).describe("the worst of all checks"),
  server_time: z.iso.datetime().describe("of the edge, to compare a clock with"),
  version: z.object({ id: z.string(), tag: z.string(), deployed_at: z.string() }).describe("`tag` is the fingerprint of what was deployed"),
  checks: z.array(DoctorCheck),
});

export type DoctorCheck = z.infer<typeof DoctorCheck>;
export type DoctorReport = z.infer<typeof DoctorReport>;
export type DoctorStatus = DoctorCheck["status"];
