/** How far something is: a bar with rate and ETA on a terminal, a line every few seconds elsewhere. Always on stderr: results stay clean. */
import { SingleBar } from "cli-progress";
import type { Sink } from "./cli.ts";
import { renderSeconds } from "./times.ts";

export interface Reached {
  readonly done: number;
  /** May become known, or change, on the way. */
  readonly total?: number | undefined;
  /** Where the edge knows them better than a clock here. */
  readonly ratePerSecond?: number | undefined;
  readonly etaSeconds?: number | undefined;
}

export interface Progress {
  update(reached: Reached): void;
  /** Leaves what was reached on the screen. */
  end(): void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly unit: string;
  readonly now: () => number;
}

const lineEveryMs = 5_000;

export function startProgress(stderr: Sink, options: ProgressOptions): Progress {
  const meter = meterOf(options.now);
  return stderr.isTTY && stderr.stream !== undefined ? bar(stderr.stream, options, meter) : lines(stderr, options, meter);
}

type Meter = (reached: Reached) => { readonly rate: number | undefined; readonly eta: number | undefined };

/** Rate over the whole way: what counts is when it ends, not what the last second was like. Unknown until something has moved. */
function meterOf(now: () => number): Meter {
  const startedMs = now();
  let first: number | undefined;
  return ({ done, total, ratePerSecond, etaSeconds }) => {
    first ??= done;
    const seconds = (now() - startedMs) / 1_000;
    const measured = ratePerSecond ?? (seconds > 0 ? (done - first) / seconds : 0);
    const rate = measured > 0 ? measured : undefined;
    return { rate, eta: etaSeconds ?? (total === undefined || rate === undefined ? undefined : (total - done) / rate) };
  };
}

function bar(stream: NodeJS.WritableStream, { label, unit }: ProgressOptions, meter: Meter): Progress {
  const format = `${label} [{bar}] {percentage}% | {value}/{of} ${unit} | {rate}/s | ETA {left}`;
  // Ctrl-C is the program's: it ends the bar on its way out.
  const single = new SingleBar({ format, stream, hideCursor: true, barsize: 30, gracefulExit: false, emptyOnZero: true });
  single.start(0, 0, { of: "?", rate: "0", left: "?" });
  return {
    update(reached) {
      const { rate, eta } = meter(reached);
      single.setTotal(reached.total ?? 0);
      single.update(reached.done, {
        of: reached.total ?? "?",
        rate: rate === undefined ? "?" : rounded(rate),
        left: eta === undefined ? "?" : renderSeconds(eta),
      });
    },
    end: () => single.stop(),
  };
}

function lines(stderr: Sink, { label, unit, now }: ProgressOptions, meter: Meter): Progress {
  let saidMs = now();
  let last: Reached | undefined;
  const say = (reached: Reached): void => void stderr.write(`${lineOf(reached, { label, unit }, meter)}\n`);
  return {
    update(reached) {
      last = reached;
      meter(reached);
      if (now() - saidMs < lineEveryMs) return;
      saidMs = now();
      last = undefined;
      say(reached);
    },
    end: () => (last === undefined ? undefined : say(last)),
  };
}

function lineOf(reached: Reached, { label, unit }: Pick<ProgressOptions, "label" | "unit">, meter: Meter): string {
  const { rate, eta } = meter(reached);
  const { done, total } = reached;
  const share = total === undefined || total === 0 ? "" : ` (${Math.floor((100 * done) / total)}%)`;
  const pace = `${rate === undefined ? "" : `, ${rounded(rate)}/s`}${eta === undefined ? "" : `, ETA ${renderSeconds(eta)}`}`;
  return `${label}: ${done}${total === undefined ? "" : `/${total}`} ${unit}${share}${pace}`;
}

function rounded(rate: number): string {
  return rate >= 100 ? String(Math.round(rate)) : rate.toFixed(1);
}
