/** Cuts what a WebSocket server sends into messages (RFC 6455, unmasked, without extensions). Pure but for the rest it keeps. */

export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** The payload is valid during the call only. */
export type OnFrame = (opcode: number, payload: Buffer) => void;

export class FrameCutter {
  readonly #onFrame: OnFrame;
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** `chunk` may be overwritten afterwards: what is not a whole frame yet is copied. */
  push(chunk: Buffer): void {
    const data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const start = payloadStart(data, at);
      if (start === undefined) break;
      const end = start + payloadLength(data, at);
      if (end > data.length) break;
      this.#onFrame((data[at] ?? 0) & 0x0f, data.subarray(start, end));
      at = end;
    }
    this.#rest = at === data.length ? undefined : Buffer.from(data.subarray(at));
  }
}

/** Where the payload begins, or undefined while the head is not there yet. */
function payloadStart(data: Buffer, at: number): number | undefined {
  if (data.length < at + 2) return undefined;
  const short = (data[at + 1] ?? 0) & 0x7f;
  const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
  return data.length < start ? undefined : start;
}

function payloadLength(data: Buffer, at: number): number {
  const short = (data[at + 1] ?? 0) & 0x7f;
  if (short === 126) return data.readUInt16BE(at + 2);
  return short === 127 ? Number(data.readBigUInt64BE(at + 2)) : short;
}

/** A client's frame must be masked; a mask of zeros leaves the payload as it is. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : 8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 65_536) throw new Error("this client sends small frames only");
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}
