/** How an event of a channel looks on a line, and what `--since` says. Pure. */
import { InvalidArgumentError } from "commander";
import type { ChannelEvent, ChannelOptions, Position } from "../../sdk/client/index.ts";
import { printable, type Colors } from "../output.ts";

export type Tailed = ChannelEvent<Readonly<Record<string, unknown>>>;
export type Since = Pick<ChannelOptions, "from"> | Pick<ChannelOptions, "rewind">;

export interface TailOptions {
  readonly chain?: string;
  readonly dex?: string;
  readonly tokenPair?: string;
  readonly strategy?: string;
  readonly status?: string;
  readonly minProfit?: string;
  readonly maxRisk?: number;
  readonly type?: readonly string[];
  readonly since?: Since;
  readonly limit?: number;
}

const position = /^([\w-]{1,64}):(\d{1,15})$/;

export function parseSince(text: string): Since {
  const [, epoch, offset] = position.exec(text) ?? [];
  if (epoch !== undefined) return { from: { epoch, offset: Number(offset) } };
  if (/^[1-9]\d{0,5}$/.test(text)) return { rewind: Number(text) };
  if (/^[1-9]\d{0,5}[sm]$/.test(text)) return { rewind: text as `${number}s` };
  throw new InvalidArgumentError('must be a position such as "e1:42", a count such as "100", or an age such as "30s" or "5m".');
}

export function parsePositive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be a whole number above 0.");
}

export function renderPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}

/** What is shown of an event's data, as far as it has it, in this order. */
const shownFields = [
  "opportunity_id",
  "execution_id",
  "chain",
  "token_pair",
  "dex_a",
  "dex_b",
  "strategy_id",
  "execution_status",
  "status",
  "estimated_profit",
  "actual_profit",
  "profit_currency",
  "risk_score",
  "level",
  "message",
] as const;
const fieldCharsMax = 80;

export function renderEvent({ time, epoch, offset, type, data, stale }: Tailed, colors: Colors): string {
  const fields = shownFields.flatMap((name) => {
    const value = data[name];
    return typeof value === "string" || typeof value === "number"
      ? [`${colors.dim(`${name}=`)}${printable(value).slice(0, fieldCharsMax)}`]
      : [];
  });
  const late = stale === true ? [colors.yellow("stale")] : [];
  return [colors.dim(printable(time)), colors.dim(`${printable(epoch)}:${offset}`), colors.cyan(printable(type)), ...fields, ...late].join(
    " ",
  );
}

/** With BigInts, which JSON does not know, as the decimal strings they came as. */
export function renderEventJson(event: Tailed): string {
  return JSON.stringify(event, (_name, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}
