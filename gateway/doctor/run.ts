/** Runs the doctor's checks, all at once and each within its time, and judges the whole. Pure but for the clock; bindings are behind `run`. */
import { messageOf } from "../../platform/errors.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { DoctorCheck, DoctorStatus } from "../../schemas/doctor.ts";

/** What a check found. */
export interface Finding {
  readonly status: DoctorStatus;
  readonly detail: string;
  readonly advice?: string;
}

export interface Check {
  readonly name: string;
  /** What to do when `run` throws or does not answer. */
  readonly advice: string;
  run(): Promise<Finding>;
}

/** An operator waits for this one: longer than /health gives a dependency, well below the ten seconds of a client. */
export const doctorTimeoutMs = 4_000;
/** An outage's text can be long; its beginning says what it is. */
const detailCharsMax = 300;

export function fine(detail: string): Finding {
  return { status: "ok", detail };
}

export async function runDoctor(checks: readonly Check[], clock: () => number, timeoutMs = doctorTimeoutMs): Promise<DoctorCheck[]> {
  return Promise.all(checks.map((check) => runCheck(check, clock, timeoutMs)));
}

async function runCheck(check: Check, clock: () => number, timeoutMs: number): Promise<DoctorCheck> {
  const startedMs = clock();
  const { name, advice } = check;
  try {
    const finding = await withTimeout(
      // A binding that is not there throws before there is a promise.
      Promise.resolve().then(() => check.run()),
      timeoutMs,
      name,
    );
    return { name, ...finding, latency_ms: clock() - startedMs };
  } catch (error) {
    return { name, status: "fail", detail: messageOf(error).slice(0, detailCharsMax), advice, latency_ms: clock() - startedMs };
  }
}

export function worstOf(checks: readonly { readonly status: DoctorStatus }[]): DoctorStatus {
  const has = (status: DoctorStatus): boolean => checks.some((check) => check.status === status);
  if (has("fail")) return "fail";
  return has("warn") ? "warn" : "ok";
}
