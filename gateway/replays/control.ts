/** Starts, pauses, resumes and cancels replays. A running one is told, and obeys within seconds; the row in D1 decides who was first. */
import { AppError, messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import { replayDeafMs, replaysRunningMax } from "../../schemas/limits-replay.ts";
import { replayInstance } from "../../schemas/replay.ts";
import type { ReplayOrder, ReplayRow } from "../../schemas/replay.ts";
import { cancelIdle, createReplay, endRun, findReplay, resumeRun, unpause, wish } from "../../stores/replays.ts";
import type { NewReplay, ReplayStores } from "../../stores/replays.ts";
import { ask } from "../http/ask.ts";

export interface ReplayBindings extends ReplayStores {
  readonly REPLAY: Workflow<ReplayOrder>;
}

export const replayList = { what: "the list of replays" };

/** Throws NOT_FOUND. */
export async function getReplay(env: ReplayStores, id: string): Promise<ReplayRow> {
  const row = await ask(findReplay(env, id), replayList);
  if (row === undefined) throw new AppError("NOT_FOUND", "there is no such replay");
  return row;
}

/** Throws CONFLICT when as many run as may, UPSTREAM_UNAVAILABLE when it could not be started. */
export async function startReplay(env: ReplayBindings, replay: NewReplay): Promise<ReplayRow> {
  if (!(await ask(createReplay(env, replay, replaysRunningMax), replayList))) throw tooMany();
  await startRun(env, { id: replay.id, run: 1, leg: 0 }, replay.nowMs);
  return getReplay(env, replay.id);
}

/** Safe to repeat, as cancelling is. */
export async function pauseReplay(env: ReplayBindings, id: string, nowMs: number): Promise<ReplayRow> {
  const told = await tell(env, { id, end: { state: "paused" } }, nowMs);
  const row = await getReplay(env, id);
  if (!told && row.state !== "paused") throw notFrom(row, "paused");
  return row;
}

export async function cancelReplay(env: ReplayBindings, id: string, nowMs: number): Promise<ReplayRow> {
  const done = (await tell(env, { id, end: { state: "cancelled" } }, nowMs)) || (await ask(cancelIdle(env, id, nowMs), replayList));
  const row = await getReplay(env, id);
  if (!done && row.state !== "cancelled") throw notFrom(row, "cancelled");
  return row;
}

interface Told {
  readonly id: string;
  readonly end: { readonly state: "paused" | "cancelled" };
}

/** False when it does not run. One that has lost its Workflow hears nothing: it is ended here, and what its run still wrote would be refused. */
async function tell(env: ReplayBindings, { id, end }: Told, nowMs: number): Promise<boolean> {
  if (!(await ask(wish(env, id, end.state === "paused" ? "pause" : "cancel"), replayList))) return false;
  const { run, touchedMs } = await getReplay(env, id);
  const order = { id, run, leg: Number.MAX_SAFE_INTEGER };
  if (nowMs - touchedMs > replayDeafMs) await ask(endRun(env, order, { end, nowMs }), replayList);
  return true;
}

/** Goes on behind the last position, also of one that failed or was cancelled. */
export async function resumeReplay(env: ReplayBindings, id: string, nowMs: number): Promise<ReplayRow> {
  const row = await getReplay(env, id);
  const isActive = row.state === "queued" || row.state === "running";
  if (isActive && row.wanted !== "cancel") {
    await ask(unpause(env, id), replayList);
    return getReplay(env, id);
  }
  if (isActive || row.state === "done") throw notFrom(row, "resumed");
  const run = await ask(resumeRun(env, id, { nowMs, runningMax: replaysRunningMax }), replayList);
  if (run === undefined) throw tooMany();
  await startRun(env, { id, run, leg: 0 }, nowMs);
  return getReplay(env, id);
}

/** The row first: whoever looks finds it, and what cannot be started has failed. */
async function startRun(env: ReplayBindings, order: ReplayOrder, nowMs: number): Promise<void> {
  try {
    await ask(env.REPLAY.create({ id: replayInstance(order), params: order }), { what: "Workflows" });
  } catch (error) {
    logError("replay.start.failed", { ...order, reason: messageOf(error) });
    await ask(endRun(env, order, { end: { state: "failed", error: "its Workflow could not be started; resume it" }, nowMs }), replayList);
    throw error;
  }
}

function tooMany(): AppError {
  return new AppError("CONFLICT", `${replaysRunningMax} replays are running, which is as many as may: wait for one, or cancel one`, {
    details: { running_max: replaysRunningMax },
  });
}

function notFrom({ state, wanted }: ReplayRow, what: string): AppError {
  const now = wanted === "cancel" ? "being cancelled" : state;
  return new AppError("CONFLICT", `it is ${now} and can't be ${what}`, { details: { state } });
}
