/** A stand-in for Contabo's socket and the lists of its API, as its docs/API.md describes them: takes a token and subscriptions, sends
 *  `{type, data}` frames without sequence or heartbeat. It can drop its connections, refuse new ones, or stall: hold them and say nothing. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { waitFor } from "./log.ts";

export interface Client {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Everything it said, parsed. */
  readonly said: { readonly type: string; readonly [name: string]: unknown }[];
}

interface Connection extends Client {
  readonly socket: Duplex;
  isSubscribed: boolean;
}

export class ContaboSocket {
  readonly clients: Client[] = [];
  /** What its API answers, by path; a text is sent as it is, and what it does not know is not found. */
  readonly api = new Map<string, unknown>();
  /** Each question to it. */
  readonly asked: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  readonly #server: Server;
  readonly #token: string;
  readonly #connections = new Set<Connection>();
  #mode: "serves" | "refuses" | "stalls" = "serves";
  #poke = (): void => undefined;

  private constructor(server: Server, token: string) {
    this.#server = server;
    this.#token = token;
    server.on("request", ({ url = "", headers }: IncomingMessage, response: ServerResponse) => {
      this.asked.push({ url, headers });
      const answer = this.api.get(new URL(url, "http://contabo.test").pathname);
      if (answer === undefined) response.writeHead(404).end();
      else response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
      this.#poke();
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex) => this.#upgrade(request, socket));
  }

  static async start(token: string): Promise<ContaboSocket> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ContaboSocket(server, token);
  }

  url(path: string): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  get origin(): string {
    return this.url("").replace(/^ws/, "http");
  }

  /** Connections that authenticated and subscribed, and are still there. */
  get subscribed(): number {
    return [...this.#connections].filter(({ isSubscribed }) => isSubscribed).length;
  }

  /** Resolves once so many are. */
  async hasSubscribed(count: number, withinMs = 20_000): Promise<void> {
    const wait = waitFor(`${count} subscribed connections`, withinMs);
    this.#poke = wait.poke;
    await wait.done(() => this.subscribed === count);
  }

  /** One frame to everybody who subscribed; text is sent as it is, whatever it holds. */
  send(frame: string | Buffer | Readonly<Record<string, unknown>>): void {
    if (this.#mode === "stalls") return;
    const message = typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame);
    for (const { socket, isSubscribed } of this.#connections) if (isSubscribed) socket.write(frameOf(message));
  }

  drop(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }

  refuse(): void {
    this.#mode = "refuses";
    this.drop();
  }

  stall(): void {
    this.#mode = "stalls";
  }

  serve(): void {
    this.#mode = "serves";
  }

  async close(): Promise<void> {
    this.refuse();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #upgrade({ url = "", headers }: IncomingMessage, socket: Duplex): void {
    if (this.#mode === "refuses") {
      socket.destroy();
      return;
    }
    const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const connection: Connection = { path: url, headers, said: [], socket, isSubscribed: false };
    this.clients.push(connection);
    this.#connections.add(connection);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = readFrames(Buffer.concat([rest, chunk]), (opcode, payload) => this.#on(connection, opcode, payload));
    });
    socket.on("error", () => socket.destroy());
    // A client that ends its half is gone, also while this side is stalled.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#connections.delete(connection);
      this.#poke();
    });
  }

  #on(connection: Connection, opcode: number, payload: Buffer): void {
    const { socket } = connection;
    if (opcode === 8) {
      socket.end(Buffer.concat([Buffer.from([0x88, payload.length]), payload]));
      return;
    }
    if (opcode !== 1) return;
    const message = JSON.parse(payload.toString()) as Client["said"][number];
    connection.said.push(message);
    if (this.#mode === "stalls") return;
    if (message.type === "authenticate" && message["token"] !== this.#token) {
      socket.write(frameOf('{"type":"error","code":"UNAUTHORIZED"}'));
      return;
    }
    if (message.type === "ping") socket.write(frameOf(JSON.stringify({ type: "pong", timestamp: message["timestamp"] })));
    if (message.type === "subscribe") connection.isSubscribed = true;
    this.#poke();
  }
}

/** Server frames are whole and unmasked (RFC 6455, 5.1). */
function frameOf(message: string | Buffer): Buffer {
  const payload = Buffer.from(message);
  const first = typeof message === "string" ? 0x81 : 0x82;
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  const head = Buffer.alloc(10);
  head.writeUInt8(first);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

/** Calls back for each whole frame, unmasked; returns what is left over. */
function readFrames(bytes: Buffer, onFrame: (opcode: number, payload: Buffer) => void): Buffer {
  let rest = bytes;
  for (;;) {
    if (rest.length < 2) return rest;
    const short = rest.readUInt8(1) & 0x7f;
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (rest.length < headBytes + 4) return rest;
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    const start = headBytes + 4;
    if (rest.length < start + length) return rest;
    const mask = rest.subarray(headBytes, start);
    const payload = Buffer.from(rest.subarray(start, start + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
    onFrame(rest.readUInt8(0) & 0x0f, payload);
    rest = rest.subarray(start + length);
  }
}
