/** A WebSocket client that costs little: on a machine that is shared with the server, a thousand ordinary clients would be the load. It can
 *  also stop reading, which no ordinary client can. */
import { connect, type Socket } from "node:net";
import { clientFrame, FrameCutter, opcodes } from "./frames.ts";

export interface RawSocketHandlers {
  onOpen(): void;
  /** The bytes are valid during the call only. */
  onText(text: Buffer): void;
  /** 1006 when the connection ended without a close frame. */
  onClose(code: number): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** One for all sockets of a thread: each read is handled before the next one begins. */
const readBuffer = Buffer.alloc(65_536);
const noStatus = 1005;
const abnormal = 1006;

export class RawSocket {
  readonly #handlers: RawSocketHandlers;
  readonly #socket: Socket;
  readonly #cutter: FrameCutter;
  #head: Buffer | undefined = Buffer.alloc(0);
  #isClosed = false;

  constructor({ host, port, path }: Address, handlers: RawSocketHandlers) {
    this.#handlers = handlers;
    this.#cutter = new FrameCutter((opcode, payload) => this.#onFrame(opcode, payload));
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          this.#onBytes(readBuffer.subarray(0, bytes));
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(host, port, path)));
    this.#socket.on("error", () => this.#closed(abnormal));
    this.#socket.on("close", () => this.#closed(abnormal));
  }

  send(text: string): void {
    this.#socket.write(clientFrame(opcodes.text, Buffer.from(text)));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Does not wait for the answer. */
  close(): void {
    this.#isClosed = true;
    this.#socket.end(clientFrame(opcodes.close, Buffer.from([0x03, 0xe8])));
    setTimeout(() => this.#socket.destroy(), 500).unref();
  }

  #onBytes(bytes: Buffer): void {
    if (this.#head === undefined) return this.#cutter.push(bytes);
    const head = Buffer.concat([this.#head, bytes]);
    const end = head.indexOf("\r\n\r\n");
    this.#head = head;
    if (end < 0) return;
    this.#head = undefined;
    if (!head.toString("latin1", 0, 16).startsWith("HTTP/1.1 101 ")) {
      this.#socket.destroy();
      return;
    }
    this.#handlers.onOpen();
    this.#cutter.push(head.subarray(end + 4));
  }

  #onFrame(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text) this.#handlers.onText(payload);
    else if (opcode === opcodes.ping) this.#socket.write(clientFrame(opcodes.pong, Buffer.from(payload)));
    else if (opcode === opcodes.close) {
      this.#closed(payload.length >= 2 ? payload.readUInt16BE(0) : noStatus);
      this.#socket.end();
    }
  }

  #closed(code: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handlers.onClose(code);
  }
}

function upgradeRequest(host: string, port: number, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    `CF-Connecting-IP: ${nextAddress()}`,
    "",
    "",
  ].join("\r\n");
}

let addresses = 0;

/** Each subscriber is somebody else, of a network of their own: an address opens no more than a few sockets at a time. */
function nextAddress(): string {
  addresses += 1;
  return `2001:db8:${(addresses >>> 16).toString(16)}:${(addresses & 0xffff).toString(16)}::1`;
}
