/** What goes wrong when, beside loss: relays that die with their sockets or fall silent, a channel object that restarts. Pure parsing. */
import type { LocationHint } from "../platform/config.ts";

export type Fault =
  | { readonly kind: "restart"; readonly atMs: number }
  | {
      readonly kind: "kill" | "silence";
      readonly region: LocationHint;
      /** Absent: every relay of the region. */
      readonly shard?: number;
      readonly atMs: number;
      /** Infinity: for good. */
      readonly untilMs: number;
    };

const pattern = /^(?<who>[a-z-]+)(?:#(?<shard>\d{1,3}))?@(?<at>\d+(?:\.\d+)?)s(?:\+(?<span>\d+(?:\.\d+)?)s)?$/;
/** Each is an entry of the agenda and a line of the report. */
const faultsMax = 100;

interface FaultTexts {
  readonly kill: readonly string[];
  readonly silence: readonly string[];
}

/** Throws an error that names the option. */
export function parseFaults({ kill, silence }: FaultTexts, regions: readonly LocationHint[]): Fault[] {
  if (kill.length + silence.length > faultsMax) throw new Error(`--kill and --silence: at most ${faultsMax} in all`);
  return [...kill.map((text) => parseFault("kill", text, regions)), ...silence.map((text) => parseFault("silence", text, regions))];
}

function parseFault(kind: "kill" | "silence", text: string, regions: readonly LocationHint[]): Fault {
  const { who = "", shard, at, span } = pattern.exec(text)?.groups ?? {};
  if (at === undefined) throw new Error(`--${kind} must look like weur#0@5s, weur@5s or weur#0@5s+10s, not "${text.slice(0, 40)}"`);
  const atMs = Number(at) * 1_000;
  if (who === "hub") {
    const isRestart = kind === "kill" && shard === undefined && span === undefined;
    if (!isRestart) throw new Error(`--${kind}: the channel object restarts by --kill hub@5s and cannot be silenced`);
    return { kind: "restart", atMs };
  }
  const region = regions.find((name) => name === who);
  if (region === undefined) throw new Error(`--${kind}: "${who}" is none of this run's regions: ${regions.join(", ")}`);
  if (kind === "silence" && span === undefined) throw new Error(`--silence needs an end: ${text}+10s`);
  const untilMs = span === undefined ? Number.POSITIVE_INFINITY : atMs + Number(span) * 1_000;
  return { kind, region, ...(shard === undefined ? {} : { shard: Number(shard) }), atMs, untilMs };
}
