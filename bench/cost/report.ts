/** What a run says on the terminal. Pure. */
import { pricesReadOn } from "../../schemas/prices.ts";
import { totalOf } from "./counts.ts";
import { byBinding, costLines, d1Targets, isD1, targetsPerMillion, type BindingCost } from "./model.ts";
import { naiveAssumptions, naiveCost } from "./naive.ts";
import type { Mix } from "./lives.ts";
import type { RunResult } from "./run.ts";

/** Operations below this many dollars per million events are not worth a line. */
const partShownFrom = 0.002;

export function renderRun(result: RunResult): string {
  const { options, mix, counts, cpuMs } = result;
  const lines = costLines(counts, { cpuMs: cpuMs ?? 0 });
  const bindings = byBinding(
    lines.filter((line) => !isD1(line)),
    options.events,
  );
  const of = (basis: string): number => total(bindings.filter((binding) => binding.basis === basis));
  const naive = naiveCost(mix, options.batch);
  const d1 = total(byBinding(lines.filter(isD1), options.events));
  return [
    `Batches of ${options.batch}: ${options.events} events, ${pace(result)}, ${result.relays} relays`,
    ...bindings.flatMap(renderBinding),
    `  ${"-".repeat(64)}`,
    money("operations without D1", of("counted"), verdict(of("counted"), targetsPerMillion[options.batch])),
    money("naive design, same events", naive.withoutD1, `${(naive.withoutD1 / of("counted")).toFixed(1)} times as much`),
    money("with the estimates", total(bindings)),
    money("D1", d1, `naive ${dollars(naive.d1)}`),
    `  D1 rows written per event: ${renderRows(result)}`,
    ...result.losses.map((loss) => `  LOST: ${loss}`),
    "",
  ].join("\n");
}

function pace({ options, postSeconds, drainSeconds, latePosts }: RunResult): string {
  const asked = options.fast ? "as fast as possible" : `planned at ${options.eventsPerSecond} events/s`;
  const late = latePosts > 0 ? `, ${latePosts} posts late` : "";
  return `${asked}, posted in ${postSeconds.toFixed(1)} s${late}, stored ${drainSeconds.toFixed(1)} s later`;
}

function renderBinding({ binding, basis, operationsPerEvent, perMillion, parts }: BindingCost): string[] {
  const head = row(basis === "estimated" ? `${binding} (estimate)` : binding, operationsPerEvent, perMillion);
  const shown = parts.filter((part) => part.perMillion >= partShownFrom);
  return [head, ...shown.map((part) => row(`    ${part.operation}`, part.operationsPerEvent, part.perMillion))];
}

function row(name: string, perEvent: number, perMillion: number): string {
  return `  ${name.padEnd(42)}${perEvent.toFixed(5).padStart(12)}${dollars(perMillion).padStart(10)}`;
}

function money(name: string, value: number, remark = ""): string {
  return `  ${name.padEnd(42)}${dollars(value).padStart(22)}  ${remark}`.trimEnd();
}

function dollars(value: number): string {
  return `$${value.toFixed(3)}`;
}

function total(bindings: readonly BindingCost[]): number {
  return bindings.reduce((sum, { perMillion }) => sum + perMillion, 0);
}

function verdict(value: number, target: number | undefined): string {
  if (target === undefined) return "";
  return `${value <= target ? "ok" : "OVER"}: target ≤ $${target.toFixed(2)}`;
}

function renderRows({ counts, options }: RunResult): string {
  const written = Object.keys(counts)
    .filter((name) => name.startsWith("d1.written."))
    .toSorted();
  return written.map((name) => `${name.slice("d1.written.".length)} ${(totalOf(counts, name) / options.events).toFixed(4)}`).join(", ");
}

/** D1's bill follows from the entities: a life as the run wrote it, and state by state in the worst case. */
export function renderLife(result: RunResult): string {
  const { d1Life } = result;
  const rows = (name: string): number => {
    const step = d1Life.find((step) => step.name === name);
    return (step?.rows ?? 0) / (step?.opportunities ?? 1);
  };
  const alone = rows("detected") + rows("final state") + rows("pruned");
  const line = (name: string, value: number, remark = ""): string =>
    `  ${name.padEnd(60)}${value.toFixed(3).padStart(8)}  ${remark}`.trimEnd();
  const run = lifeInRun(result);
  return [
    "D1 rows written, index entries included:",
    line(
      `per distinct opportunity over its life in this run (${run.eventsEach.toFixed(1)} events)`,
      run.life,
      verdictRows(run.life, d1Targets.life),
    ),
    line("per further event of it, beyond its first state and pruning", run.further, verdictRows(run.further, d1Targets.update)),
    "the same at worst, every state in a batch window of its own:",
    ...d1Life.map(({ name }) => line(name, rows(name))),
    line("detected + final state + pruned", alone, verdictRows(alone, d1Targets.life)),
    line("a further update", rows("one update"), verdictRows(rows("one update"), d1Targets.update)),
    line("a stale or repeated one", rows("stale: the detection again"), verdictRows(rows("stale: the detection again"), d1Targets.stale)),
    "naive: 3 per insert, 3 per update, 1 per delete",
    "",
  ].join("\n");
}

function lifeInRun({ counts, mix, d1Life }: RunResult): { life: number; further: number; eventsEach: number } {
  const { events, distinct } = mix.entities["opportunity"] ?? { events: 0, distinct: 1 };
  const first = d1Life.find(({ name }) => name === "detected");
  const firstRows = (first?.rows ?? 0) / (first?.opportunities ?? 1);
  const [upserted, pruned] = [counts["d1.written.insert.opportunities"] ?? 0, counts["d1.written.delete.opportunities"] ?? 0];
  const further = Math.max(0, upserted - distinct * firstRows) / Math.max(1, events - distinct);
  return { life: (upserted + pruned) / distinct, further, eventsEach: events / distinct };
}

function verdictRows(value: number, target: number): string {
  return `${value <= target ? "ok" : "OVER"}: target ≤ ${target}`;
}

export function renderMix({ events, bytesPerEvent, types, entities }: Mix): string {
  const share = (count: number): string => `${((count / events) * 100).toFixed(1)} %`;
  return [
    `Events: ${events} recorded ones, ${Math.round(bytesPerEvent)} B each as rendered`,
    ...Object.entries(types)
      .toSorted(([, a], [, b]) => b - a)
      .map(([type, count]) => `  ${type.padEnd(24)}${share(count).padStart(8)}`),
    `Entities: ${Object.entries(entities)
      .map(([kind, { events: all, distinct }]) => `${distinct} ${kind} (${(all / distinct).toFixed(1)} events each)`)
      .join(", ")}`,
    "",
  ].join("\n");
}

export function renderBasis(roundTripMs: Readonly<Record<string, number>>): string {
  const trips = Object.entries(roundTripMs).map(([region, ms]) => `${region} ${ms} ms`);
  return [
    `Prices: Cloudflare's paid plan as of ${pricesReadOn}, included volumes left out. All figures in dollars per million events; the middle column is operations per event.`,
    "Measured: each operation on the bindings, in a run on the real runtime; pruning with the clock moved on after it.",
    "Estimated: CPU (all of the runtime's process, simulators included: an upper bound); duration (a second for each in which an object worked).",
    trips.length === 0
      ? "No distance between channel and relays was injected: a relay is called as often as this machine can (an upper bound)."
      : `Injected round trips between channel and relays: ${trips.join(", ")}.`,
    `Naive design: ${naiveAssumptions.join("; ")}.`,
    "",
  ].join("\n");
}
