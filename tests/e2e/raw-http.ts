/** HTTP as it comes over the line: nothing is undone that a server did to a body. */
import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface RawAsk {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export async function askRaw(url: string, { method = "GET", headers = {}, body }: RawAsk = {}): Promise<RawAnswer> {
  const { sent, answer } = openRaw(url, { method, headers });
  sent.end(body);
  const response = await answer;
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) };
}

/** A request whose body is still being written when its answer begins. */
export function openRaw(url: string, { method = "GET", headers = {} }: RawAsk): { sent: ClientRequest; answer: Promise<IncomingMessage> } {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // A connection of its own: what a test leaves open must not be anybody else's.
  const sent = request(url, { method, headers, agent: new Agent({ keepAlive: false }) }, resolve);
  sent.on("error", reject);
  return { sent, answer: promise };
}
