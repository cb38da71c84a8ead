/** Command line of `npm start`. */
import { parseArgs } from "node:util";

export interface StartOptions {
  readonly port: number;
  readonly speed: number;
  /** Ends by itself once the set was posted and has arrived everywhere. */
  readonly once: boolean;
  readonly feed: boolean;
  readonly fresh: boolean;
  /** Folder of the local state. */
  readonly state: string;
  /** Only the first so many seconds of the recorded timeline. */
  readonly sliceSeconds: number | undefined;
  /** The edge's variables that differ from wrangler.toml and .dev.vars. */
  readonly variables: Readonly<Record<string, string>>;
}

export const usage = `Runs the edge locally and a stand-in Contabo that posts recorded events to it.

  npm start -- [options]

  --port <n>      port of the edge (8787)
  --speed <x>     recorded time passes x times as fast (1)
  --slice <s>     post only the first s seconds of the recorded timeline
  --once          end once everything posted has arrived in D1, in R2 and on the socket; exit 1 if anything is lost
  --no-feed       run the edge alone
  --fresh         empty the local state first
  --state <dir>   folder of the local state (.local/state)
  --var <N=value> gives the edge's variable N this value; may be repeated
  --help          this text
`;

export type ParsedOptions =
  | { readonly kind: "start"; readonly options: StartOptions }
  | { readonly kind: "help" }
  | { readonly kind: "bad"; readonly message: string };

export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        port: { type: "string", default: "8787" },
        speed: { type: "string", default: "1" },
        slice: { type: "string" },
        once: { type: "boolean", default: false },
        feed: { type: "boolean", default: true },
        fresh: { type: "boolean", default: false },
        state: { type: "string", default: ".local/state" },
        var: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    const port = positive("--port", values.port);
    if (!Number.isInteger(port) || port > 65_535) throw new Error("--port must be a port number");
    const { once, feed, fresh, state } = values;
    if (once && !feed) throw new Error("--once waits for what is posted: it cannot go with --no-feed");
    const sliceSeconds = values.slice === undefined ? undefined : positive("--slice", values.slice);
    const speed = positive("--speed", values.speed);
    const variables = Object.fromEntries(values.var.map(assignment));
    return { kind: "start", options: { port, speed, once, feed, fresh, state, sliceSeconds, variables } };
  } catch (error) {
    return { kind: "bad", message: error instanceof Error ? error.message : String(error) };
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a number above 0`);
  return value;
}

/** `NAME=value`; the value may be empty and may hold further equals signs. */
function assignment(text: string): [name: string, value: string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=([^]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new Error("--var must be NAME=value, with a variable's name in capitals");
  return [name, value];
}
