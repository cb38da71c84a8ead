/** `arbx cost`: the bill of the last hours, as the edge counted it. */
import type { Command } from "commander";
import type { CostLine, CostReport } from "../../schemas/cost.ts";
import type { Cli } from "../cli.ts";
import { renderPairs, renderTable, type Colors, type Column } from "../output.ts";
import { wholeNumber } from "./arguments.ts";

const columns: readonly Column<CostLine>[] = [
  { title: "SERVICE", value: ({ service }) => service },
  { title: "OPERATION", value: ({ operation }) => operation },
  { title: "COUNT", value: ({ operations }) => Math.round(operations), align: "right" },
  { title: "DOLLARS", value: ({ dollars }) => dollars.toFixed(6), align: "right" },
  { title: "BASIS", value: ({ basis }) => basis },
];

export function registerCost(program: Command, cli: Cli): void {
  program
    .command("cost")
    .description("what the last hours cost, from operations that the edge counted of itself")
    .option("--hours <count>", "how far back", wholeNumber(1, 24), 1)
    .action(async ({ hours }: { hours: number }, command: Command) => {
      const { edge, output } = cli.open(command);
      const report = await edge.get<CostReport>("/ops/cost", { query: { hours } });
      await output.result(report, () => render(report, output.colors));
      if (report.unreachable.length > 0 && !output.json)
        await output.note(`missing, as they did not answer: ${report.unreachable.join(", ")}`);
    });
}

function render({ from, to, events, lines, dollars, not_counted: left, prices_read_on: read }: CostReport, colors: Colors): string {
  const money = (value: number): string => `$${value.toFixed(6)}`;
  const totals = renderPairs([
    ["period", `${from} to ${to}`],
    ["events", events],
    ["counted", money(dollars.counted)],
    ["derived", money(dollars.derived)],
    ["total", `${money(dollars.total)}, ${money(dollars.per_hour)} an hour`],
    ["per million events", dollars.per_million_events === undefined ? undefined : money(dollars.per_million_events)],
    ["prices of", read],
  ]);
  const table = lines.length === 0 ? "nothing was counted" : renderTable(lines, columns, colors);
  return [table, "", totals, "", "not counted:", ...left.map((what) => `  ${what}`)].join("\n");
}
