/** The Upstream object: dials Contabo's socket and hands its frames on. This shell holds sockets, timers and the alarm; what is dialled, asked
 *  and given up is decided in link.ts. An outgoing socket cannot hibernate: the object stays in memory as long as it is configured
 *  (docs/producers.md says what that costs). */
import { DurableObject } from "cloudflare:workers";
import { configOf } from "../../platform/config.ts";
import type { UpstreamConfig } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logError, logInfo, logWarning } from "../../platform/log.ts";
import type { MissedOrder, UpstreamFrame, UpstreamOutcome, UpstreamRpc, UpstreamStatus } from "../../schemas/upstream.ts";
import { CatchUp } from "./catch-up.ts";
import { Delivery } from "./delivery.ts";
import { dueMs, newLink, step } from "./link.ts";
import type { LinkAction, LinkEvent, LinkState } from "./link.ts";
import { Sockets } from "./sockets.ts";
import { greeting, pingText, readFrame } from "./wire.ts";

/** Were the object to die, the alarm brings it back within the ten seconds that a failover may take. */
const alarmEveryMs = 10_000;

export abstract class UpstreamObject extends DurableObject<Env> implements UpstreamRpc {
  #state: LinkState | undefined;
  #timer: { readonly atMs: number; readonly id: ReturnType<typeof setTimeout> } | undefined;
  readonly #delivery = new Delivery({ take: (frames) => this.take(frames), now: () => this.now() });
  readonly #catchUp = new CatchUp({ missed: (order) => this.missed(order), add: (frame) => this.#delivery.add(frame) });
  readonly #sockets = new Sockets({
    open: (address, headers, signal) => this.open(address, headers, signal),
    opened: (dial) => this.#on({ kind: "opened", dial }),
    message: (dial, message) => this.#onMessage(dial, message),
    lost: (dial, why) => this.#on({ kind: "lost", dial, why }),
  });

  /** What a batch of frames becomes; handed over by worker.ts, because objects do not know producers/. */
  protected abstract take(frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome>;
  /** What was said while nobody listened; handed over likewise. */
  protected abstract missed(order: MissedOrder): Promise<readonly UpstreamFrame[]>;

  async keep(): Promise<void> {
    const { urls } = this.#config();
    if (urls.length === 0) return await this.#stop();
    if (this.#state !== undefined) return;
    // Armed before anything is dialled: whatever dies now, the alarm begins again.
    await this.ctx.storage.setAlarm(this.now() + alarmEveryMs);
    if (this.#state !== undefined) return;
    this.#state = newLink(urls.length, this.now());
    this.#on({ kind: "tick" });
  }

  async status(): Promise<UpstreamStatus> {
    const { dials = 0, failovers = 0, returns = 0, link } = this.#state ?? {};
    const { lagMs, waiting, counts } = this.#delivery;
    return {
      v: 1,
      state: link?.kind ?? "off",
      backend: link?.backend ?? 0,
      counts: { dials, failovers, returns, ...counts },
      waiting,
      ...(lagMs === undefined ? {} : { lagMs }),
      ...(link?.kind === "open" ? { silentMs: this.now() - link.heardMs } : {}),
    };
  }

  /** Never throws: an alarm that failed seven times is gone. */
  override async alarm(): Promise<void> {
    try {
      await this.ctx.storage.setAlarm(this.now() + alarmEveryMs);
      await this.keep();
      this.#on({ kind: "tick" });
    } catch (error) {
      logError("upstream.alarm.failed", { reason: messageOf(error) });
    }
  }

  async #stop(): Promise<void> {
    if (this.#timer !== undefined) clearTimeout(this.#timer.id);
    this.#timer = undefined;
    this.#state = undefined;
    this.#catchUp.stop();
    this.#sockets.closeAll();
    await this.ctx.storage.deleteAlarm();
  }

  #on(event: LinkEvent): void {
    const before = this.#state;
    if (before === undefined) return;
    const { state, actions } = step(before, event, { nowMs: this.now(), random: this.random() });
    this.#state = state;
    for (const action of actions) this.#act(action);
    if (event.kind !== "heard" && state.link.kind !== before.link.kind) reportLink(state, event);
    this.#wake();
  }

  #act(action: LinkAction): void {
    const { token, apiKey, channels, urls } = this.#config();
    switch (action.kind) {
      case "dial": {
        const key = apiKey === "" ? {} : { "x-api-key": apiKey };
        return this.#sockets.dial(action.dial, urls[action.backend] ?? "", { authorization: `Bearer ${token}`, ...key });
      }
      case "greet":
        for (const text of greeting(token, channels)) this.#sockets.send(action.dial, text);
        return this.#catchUp.begin(urls[this.#state?.link.backend ?? 0] ?? "");
      case "ping":
        return this.#sockets.send(action.dial, pingText(this.now()));
      case "close":
        return this.#sockets.close(action.dial);
    }
  }

  #onMessage(dial: number, message: unknown): void {
    const incoming = readFrame(message);
    if (incoming.kind === "denied") return this.#on({ kind: "lost", dial, why: "denied" });
    this.#on({ kind: "heard", dial, isPong: incoming.kind === "pong" });
    if (incoming.kind === "ping") this.#sockets.send(dial, incoming.answer);
    // One link carries events: not a probe, not a socket that was given up.
    const link = this.#state?.link;
    if (link?.kind !== "open" || link.dial !== dial) return;
    this.#catchUp.heard(this.now());
    if (incoming.kind === "event") this.#delivery.add(incoming.frame);
    if (incoming.kind === "unreadable") this.#delivery.refuse(incoming.message);
  }

  /** One timer; one that comes too early finds nothing to do. */
  #wake(): void {
    if (this.#state === undefined) return;
    const atMs = dueMs(this.#state);
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer.id);
    const run = (): void => {
      this.#timer = undefined;
      this.#on({ kind: "tick" });
    };
    this.#timer = { atMs, id: setTimeout(run, Math.max(0, atMs - this.now())) };
  }

  #config(): UpstreamConfig {
    return configOf(this.env).upstream;
  }

  // ---- the world outside, replaced by tests

  protected now(): number {
    return Date.now();
  }
  protected random(): number {
    return Math.random();
  }
  protected async open(address: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<WebSocket> {
    const response = await fetch(address.replace(/^ws/, "http"), { headers: { ...headers, upgrade: "websocket" }, signal });
    if (response.webSocket === null) {
      await response.body?.cancel();
      throw new Error(`answered ${response.status} instead of a socket`);
    }
    return response.webSocket;
  }
}

function reportLink({ link, dials, failures, failovers }: LinkState, event: LinkEvent): void {
  const why = event.kind === "lost" ? event.why : event.kind;
  const report = link.kind === "waiting" ? logWarning : logInfo;
  report(`upstream.link.${link.kind}`, { backend: link.backend, dials, failures, failovers, why });
}
