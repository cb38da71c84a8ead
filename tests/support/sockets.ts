/** What socket tests share: a client that keeps every frame and waits for one without sleeping, and events to publish. */
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import { channelStub } from "../../durable-objects/stubs.ts";
import { app } from "../../gateway/app.ts";
import { parseEvent } from "../../schemas/event.ts";
import type { PublishReply } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";

export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

const patienceMs = 8_000;

export class TestSocket {
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly protocol: string | null;
  /** Sees each frame as it comes. */
  onFrame: ((frame: Frame) => void) | undefined;
  readonly #socket: WebSocket;
  #read = 0;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket, protocol: string | null) {
    this.#socket = socket;
    this.protocol = protocol;
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      // Centrifugo's messages hold a frame a line; native ones are one.
      for (const line of String(data).split("\n")) {
        const frame = JSON.parse(line) as Frame;
        this.frames.push(frame);
        this.onFrame?.(frame);
      }
      this.#wake?.();
    });
    socket.accept();
  }

  send(frame: unknown): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  close(code = 1000): void {
    this.#socket.close(code, "done");
  }

  async next(type: string): Promise<Frame> {
    return this.find(type, (frame) => frame.type === type);
  }

  /** The answer to Centrifugo's command of this id. */
  async reply(id: number): Promise<Frame> {
    return this.find(`reply to ${id}`, (frame) => frame["id"] === id);
  }

  /** The next frame after the last one returned for which it holds; those between are skipped. */
  async find(what: string, holds: (frame: Frame) => boolean): Promise<Frame> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read];
        this.#read += 1;
        if (frame !== undefined && holds(frame)) return frame;
      }
      if (Date.now() > deadline) throw new Error(`no ${what} came; got ${this.frames.map((frame) => frame.type).join(", ")}`);
      await this.#news(deadline - Date.now() + 1);
    }
  }

  /** That many frames of this type, in order. */
  async take(type: string, count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) frames.push(await this.next(type));
    return frames;
  }

  /** Answers to a ping come in order: whatever was sent before it has arrived. */
  async quiet(): Promise<void> {
    const mark = Math.random();
    this.send({ type: "ping", timestamp: mark });
    for (let frame = await this.next("pong"); frame["timestamp"] !== mark;) frame = await this.next("pong");
  }

  #news(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

export async function requestSocket(path: string, protocols?: string): Promise<Response> {
  const headers = { upgrade: "websocket", ...(protocols === undefined ? {} : { "sec-websocket-protocol": protocols }) };
  return app.request(`https://edge.test${path}`, { headers }, env);
}

export async function openSocket(path: string, protocols?: string): Promise<TestSocket> {
  const response = await requestSocket(path, protocols);
  if (response.webSocket === null) throw new Error(`no socket: ${response.status}`);
  return new TestSocket(response.webSocket, response.headers.get("sec-websocket-protocol"));
}

export interface OpportunityWish {
  readonly id: string;
  readonly subject?: string;
  readonly type?: string;
  readonly timeMs?: number;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** An opportunity's wire event. Each wish is valid unless its data says otherwise. */
export function opportunity({ id, subject = id, type = "opportunity.detected", timeMs = Date.now(), data = {} }: OpportunityWish): unknown {
  const time = new Date(timeMs).toISOString();
  return {
    specversion: "1.0",
    id,
    source: "contabo/test",
    type,
    time,
    data: {
      opportunity_id: subject,
      chain: "arbitrum",
      dex_a: "uniswap_v3",
      dex_b: "camelot",
      token_pair: "WETH/USDC",
      price_difference: "0.42",
      volume: "1000",
      estimated_profit: "24.50",
      risk_score: 3,
      timestamp: time,
      expiry_time: new Date(timeMs + 60_000).toISOString(),
      execution_status: "pending",
      gas_estimate: "210000",
      ...data,
    },
  };
}

export function publicationOf(event: unknown): ReturnType<typeof toPublication> {
  const parsed = parseEvent(event);
  if (!parsed.ok) throw new Error(`${parsed.fault.path}: ${parsed.fault.message}`);
  return toPublication(parsed.event);
}

export async function publish(stream: string, events: readonly unknown[]): Promise<PublishReply & { kind: "ok" }> {
  const reply = await channelStub(env, stream).publish({ v: 1, stream, lane: "live", events: events.map(publicationOf) });
  if (reply.kind !== "ok") throw new Error(`not published: ${reply.kind}`);
  return reply;
}

/** `count` opportunities with ids that no other call uses. */
export function opportunities(count: number, data: Readonly<Record<string, unknown>> = {}): unknown[] {
  return Array.from({ length: count }, () => opportunity({ id: crypto.randomUUID(), data }));
}

export interface TokenWish {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly expiresInSeconds?: number;
}

export async function token({ claims = { sub: "tester", role: "trader" }, expiresInSeconds = 600 }: TokenWish = {}): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(env.JWT_ISSUER)
    .setAudience(env.JWT_AUDIENCE)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds)
    .sign(new TextEncoder().encode(env.JWT_SECRET));
}
