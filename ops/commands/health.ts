/** `arbx health`: what the edge says of itself to anybody. */
import type { Command } from "commander";
import type { Cli, GlobalOptions, Session } from "../cli.ts";
import { CliError, messageOf } from "../errors.ts";
import { renderTable, type Column } from "../output.ts";

interface Check {
  readonly status: string;
  readonly latency_ms: number;
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly checks: Readonly<Record<string, Check>>;
}

type Row = Check & { readonly name: string };

const columns: readonly Column<Row>[] = [
  { title: "CHECK", value: ({ name }) => name },
  { title: "STATUS", value: ({ status }) => status },
  { title: "MS", value: ({ latency_ms: ms }) => ms, align: "right" },
  {
    title: "",
    value: ({ reason, figures = {} }) =>
      [reason, ...Object.entries(figures).map(([name, count]) => `${name} ${count}`)].filter(Boolean).join(", "),
  },
];

export function registerHealth(program: Command, cli: Cli): void {
  program
    .command("health")
    .description("whether events are accepted, and what is slow or down")
    .addHelpText("after", "\nNeeds no key. Ends with 1 unless it is healthy.")
    .action(async (_options: object, command: Command) => {
      const session = cli.open(command);
      const health = await ask(session, command.optsWithGlobals<GlobalOptions>().timeout * 1_000);
      const rows = Object.entries(health.checks).map(([name, check]) => ({ name, ...check }));
      await session.output.result(health, () => `${health.status}\n${renderTable(rows, columns, session.output.colors)}`);
      if (health.status !== "healthy") throw new CliError("failed", `the edge is ${health.status}`, { code: health.status.toUpperCase() });
    });
}

/** Not by the client: 503 carries the report, which is no error's text. */
async function ask({ world, target, signal }: Session, timeoutMs: number): Promise<Health> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await world.fetch(new URL("/health", target.url).href, { signal: AbortSignal.any([signal, late]) });
    const health: unknown = await response.json();
    if (typeof health === "object" && health !== null && "status" in health && "checks" in health) return health as Health;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof SyntaxError) throw noEdge();
    const what = late.aborted ? `did not answer within ${timeoutMs / 1_000} s` : `cannot be reached: ${messageOf(error)}`;
    throw new CliError("unreachable", `${new URL(target.url).origin} ${what}`, { cause: error });
  }
  throw noEdge();
}

function noEdge(): CliError {
  return new CliError("failed", "what answered is not an edge: is the address right?", { code: "NO_EDGE" });
}
