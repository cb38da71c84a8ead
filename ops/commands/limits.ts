/** `arbx limits`: who may ask how often, as the isolate that answers has it. They are changed by `arbx config`. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { renderPairs, renderTable, type Column } from "../output.ts";

interface Policy {
  readonly tier: string;
  readonly class: string;
  readonly requests: number;
  readonly window_seconds: number;
  readonly burst: number;
}

interface Limits {
  readonly version: number;
  readonly under_attack: boolean;
  readonly policies: readonly Policy[];
  readonly ceilings_per_isolate: Readonly<Record<string, { readonly burst: number; readonly per_second: number }>>;
  readonly here: {
    readonly factor: number;
    readonly backend: { readonly latency_ms: number; readonly error_rate: number };
    readonly limiters_silent: readonly string[];
  };
}

const columns: readonly Column<Policy>[] = [
  { title: "WHO", value: ({ tier }) => tier },
  { title: "WHAT", value: (policy) => policy.class },
  { title: "REQUESTS", value: ({ requests }) => requests, align: "right" },
  { title: "IN SECONDS", value: ({ window_seconds: seconds }) => seconds, align: "right" },
  { title: "AT ONCE", value: ({ burst }) => burst, align: "right" },
];

export function registerLimits(program: Command, cli: Cli): void {
  const limits = program.command("limits").description("who may ask how often");
  limits
    .command("show")
    .description("the limits in force, and how far they are tightened where it answered")
    .addHelpText("after", "\nThey are changed by `arbx config`.")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.result(await edge.get<Limits>("/ops/limits"), (found) => {
        const { here, ceilings_per_isolate: ceilings } = found;
        const pairs = renderPairs([
          ["version", found.version],
          ["under attack", found.under_attack ? "yes" : "no"],
          ["tightened to", `${Math.round(here.factor * 100)} %`],
          ["backend", `${here.backend.latency_ms} ms, ${(here.backend.error_rate * 100).toFixed(1)} % fail`],
          ...Object.entries(ceilings).map(
            ([name, rate]) => [`per isolate: ${name}`, `${rate.per_second.toFixed(1)}/s, ${rate.burst} at once`] as const,
          ),
          ["limiters silent", here.limiters_silent.length === 0 ? "none" : here.limiters_silent.join(", ")],
        ]);
        return `${pairs}\n\n${renderTable(found.policies, columns, output.colors)}`;
      });
    });
}
