/** Times and lengths of time as operators type them. `nowMs` is an argument: "1h" counts back from it. */
import { InvalidArgumentError } from "commander";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ago = /^(\d{1,6})([smhd])$/;
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const day = /^\d{4}-\d{2}-\d{2}$/;

export const timeHelp = 'a time such as "2026-11-24T02:00:00Z", "2026-11-24" (UTC), "now", or an age such as "90s", "15m", "2h", "3d"';

/** Epoch milliseconds. Throws what commander shows as a wrong argument. */
export function parseTime(text: string, nowMs: number): number {
  if (text === "now") return nowMs;
  const [, count, unit = ""] = ago.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (unitMs[unit] ?? 0);
  const ms = rfc3339.test(text) || day.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError(`must be ${timeHelp}.`);
  return ms;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** "2h 5m": the two largest units. */
export function renderSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    `${Math.floor(whole / 86_400)}d`,
    `${Math.floor(whole / 3_600) % 24}h`,
    `${Math.floor(whole / 60) % 60}m`,
    `${whole % 60}s`,
  ];
  const first = parts.findIndex((part) => !/^0\D/.test(part));
  return first < 0 ? "0s" : parts.slice(first, first + 2).join(" ");
}
