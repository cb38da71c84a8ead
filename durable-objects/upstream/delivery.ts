/** Makes frames durable, one batch after the other, and counts what became of them. What waits meanwhile makes the next batch: the more comes,
 *  the larger it is. */
import { messageOf } from "../../platform/errors.ts";
import { logError, logWarning } from "../../platform/log.ts";
import type { UpstreamCounts, UpstreamFrame, UpstreamOutcome } from "../../schemas/upstream.ts";
import { Intake } from "./intake.ts";

export interface DeliveryDeps {
  take(frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome>;
  now(): number;
}

/** A batch is one row of the channel's log, and a row is billed: at most twenty a second. A frame after a pause goes at once. */
const batchEveryMs = 50;
const batchFramesMax = 500;
const batchBytesMax = 1_000_000;
/** A hundred seconds of the owner's mean of 185 events/s, and a fraction of an object's 128 MB. */
const waiting = { framesMax: 20_000, bytesMax: 16 * 1_048_576 };
/** After an error of our own, or of a channel that died with the call. */
const retryMs = 1_000;
const retryMsMax = 30_000;
/** A frame that ingest fails on so often, alone, is given up: nothing may hold up all that comes after it. */
const failuresMax = 5;
/** A backend that sends nonsense sends much of it: one line in so much time tells enough. */
const reportEveryMs = 10_000;

type Counts = Omit<UpstreamCounts, "dials" | "failovers" | "returns">;

export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #intake = new Intake(waiting);
  #counts = { frames: 0, accepted: 0, duplicates: 0, rejected: 0 };
  #isRunning = false;
  #reportAtMs = 0;
  /** Halved when ingest fails on a batch, until what it fails on stands alone. */
  #framesMax = batchFramesMax;
  #failures = 0;
  lagMs: number | undefined;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#intake.size;
  }

  get counts(): Counts {
    return { ...this.#counts, dropped: this.#intake.dropped };
  }

  add(frame: UpstreamFrame): void {
    this.#counts.frames += 1;
    this.#intake.add(frame);
    if (!this.#isRunning) void this.#run();
  }

  /** A frame that cannot be read at all. */
  refuse(message: string): void {
    this.#counts.frames += 1;
    this.#refused(1, message);
  }

  /** Never throws. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#intake.size > 0) {
      const startedMs = this.#deps.now();
      const retryAfterMs = await this.#takeOne();
      await sleep(retryAfterMs ?? Math.max(0, startedMs + batchEveryMs - this.#deps.now()));
    }
    this.#isRunning = false;
  }

  /** Undefined once the batch is settled, else how long to wait before it is tried again: always safe, its ids stay the same. */
  async #takeOne(): Promise<number | undefined> {
    const frames = this.#intake.take(this.#framesMax, batchBytesMax);
    try {
      const outcome = await this.#deps.take(frames);
      if (outcome.kind === "later") return Math.min(retryMsMax, outcome.retryAfterMs);
      this.#settle();
      this.#count(outcome, frames);
      return undefined;
    } catch (error) {
      logError("upstream.delivery.failed", { frames: frames.length, reason: messageOf(error) });
      this.#failed(frames.length);
      return retryMs;
    }
  }

  #settle(): void {
    this.#intake.settle();
    this.#framesMax = Math.min(batchFramesMax, this.#framesMax * 2);
    this.#failures = 0;
  }

  #failed(frames: number): void {
    this.#failures += 1;
    if (frames > 1) {
      this.#framesMax = Math.ceil(frames / 2);
      this.#failures = 0;
      this.#intake.release();
    } else if (this.#failures >= failuresMax) {
      this.#settle();
      this.#refused(frames, "ingest fails on it");
    }
  }

  #count(outcome: Extract<UpstreamOutcome, { readonly kind: "taken" }>, frames: readonly UpstreamFrame[]): void {
    this.#counts.accepted += outcome.accepted;
    this.#counts.duplicates += outcome.duplicates;
    const isLive = frames.some(({ late }) => late !== true);
    if (isLive && outcome.newestMs !== undefined) this.lagMs = Math.max(0, this.#deps.now() - outcome.newestMs);
    if (outcome.rejected > 0) this.#refused(outcome.rejected, `not valid at "${outcome.path ?? ""}"`);
  }

  #refused(frames: number, reason: string): void {
    this.#counts.rejected += frames;
    if (this.#deps.now() < this.#reportAtMs) return;
    this.#reportAtMs = this.#deps.now() + reportEveryMs;
    logWarning("upstream.frames.refused", { frames, reason, since_start: this.#counts.rejected });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
