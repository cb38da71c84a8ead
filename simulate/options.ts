/** The command line of `npm run simulate`: names, defaults, bounds. Pure; a bad option is refused by name. */
import { parseArgs } from "node:util";
import { locationHints, type LocationHint } from "../platform/config.ts";
import { parseFaults, type Fault } from "./faults.ts";
import { numbers, readNumber, type NumberName } from "./numbers.ts";
import { isHint, regionsInOrder } from "./geography.ts";

export interface SimulateOptions {
  readonly subscribers: number;
  readonly regions: readonly LocationHint[];
  readonly home: LocationHint;
  readonly rate: number;
  readonly batch: number;
  readonly seconds: number;
  readonly loss: number;
  readonly jitter: number;
  readonly filters: number;
  readonly batchFrames: number;
  readonly relaySockets: number;
  readonly shards: number;
  readonly eventBytes: number;
  readonly callUs: number;
  readonly postUs: number;
  readonly postEventUs: number;
  readonly sendUs: number;
  readonly frameEventUs: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** More would take minutes; calls are posts times relays. */
const postsMax = 200_000;
const callsMax = 3_000_000;

export type ParsedOptions =
  | { readonly kind: "simulate"; readonly options: SimulateOptions; readonly json: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "bad"; readonly message: string };

export function usage(): string {
  const lines = Object.entries(numbers).map(([name, { default: value, about }]) => `  ${`--${name} ${value}`.padEnd(24)}${about}`);
  return `Runs placement, fan-out tree and hub–relay protocol as they are, over a network in virtual time.

  npm run simulate -- [options]

${lines.join("\n")}
  --regions 4             how many regions of ${regionsInOrder.join(", ")}; or their names: weur,enam
  --home weur             region of the channel object
  --kill weur#0@5s        the relay dies with its sockets, for good or for a while (weur#0@5s+10s); weur@5s is a whole region;
                          hub@5s restarts the channel object; may be repeated
  --silence weur@5s+10s   relays that answer nobody for a while and keep their sockets
  --json                  the numbers as JSON
  --help                  this text

CPU is of one core. Posts: fitted to what one stream took in posts of 1, 10 and 100, with everything that a post does. Sends: fitted to
25.9 µs a delivery without batch frames, and 7.0, 4.0 and 1.0 µs with about 10, 10 and 240 events a frame. Your machine: npm run bench.
Distances, jitter and the countries' shares are illustrations (simulate/geography.ts).
`;
}

export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: { ...textOptions(), ...otherOptions } });
    if (values.help) return { kind: "help" };
    const options = readOptions(values);
    return { kind: "simulate", options, json: values.json };
  } catch (error) {
    return { kind: "bad", message: error instanceof Error ? error.message : String(error) };
  }
}

const otherOptions = {
  regions: { type: "string", default: "4" },
  home: { type: "string", default: "weur" },
  kill: { type: "string", multiple: true, default: [] as string[] },
  silence: { type: "string", multiple: true, default: [] as string[] },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function textOptions(): Record<NumberName, { type: "string"; default: string }> {
  const entries = Object.entries(numbers).map(([name, option]) => [name, { type: "string", default: String(option.default) }] as const);
  return Object.fromEntries(entries) as Record<NumberName, { type: "string"; default: string }>;
}

type Values = Readonly<Record<NumberName, string>> & {
  readonly regions: string;
  readonly home: string;
  readonly kill: readonly string[];
  readonly silence: readonly string[];
};

function readOptions(values: Values): SimulateOptions {
  const number = (name: NumberName): number => readNumber(name, values[name]);
  const regions = readRegions(values.regions);
  const options: SimulateOptions = {
    subscribers: number("subscribers"),
    regions,
    home: readHome(values.home),
    rate: number("rate"),
    batch: number("batch"),
    seconds: number("seconds"),
    loss: number("loss"),
    jitter: number("jitter"),
    filters: number("filters"),
    batchFrames: number("batch-frames"),
    relaySockets: number("relay-sockets"),
    shards: number("shards"),
    eventBytes: number("event-bytes"),
    callUs: number("call-us"),
    postUs: number("post-us"),
    postEventUs: number("post-event-us"),
    sendUs: number("send-us"),
    frameEventUs: number("frame-event-us"),
    seed: number("seed"),
    faults: parseFaults(values, regions),
  };
  checkWork(options);
  return options;
}

function checkWork({ rate, batch, seconds, subscribers, relaySockets }: SimulateOptions): void {
  const posts = Math.ceil((rate / batch) * seconds);
  if (posts > postsMax)
    throw new Error(`--rate / --batch × --seconds are ${posts} posts: at most ${postsMax}, so post more events at once`);
  const calls = posts * Math.ceil(subscribers / relaySockets);
  if (calls <= callsMax) return;
  throw new Error(
    `--relay-sockets ${relaySockets}, for so many --subscribers, --rate and --seconds, makes ${calls} calls: at most ${callsMax}`,
  );
}

function readRegions(text: string): LocationHint[] {
  if (/^\d{1,3}$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > regionsInOrder.length) throw new Error(`--regions must be a number from 1 to ${regionsInOrder.length}`);
    return regionsInOrder.slice(0, count);
  }
  return [...new Set(text.split(",").map((name) => readHint("regions", name.trim())))];
}

function readHome(text: string): LocationHint {
  return readHint("home", text);
}

function readHint(option: string, name: string): LocationHint {
  if (!isHint(name)) throw new Error(`--${option}: there is no region "${name.slice(0, 40)}"; there are ${locationHints.join(", ")}`);
  return name;
}
