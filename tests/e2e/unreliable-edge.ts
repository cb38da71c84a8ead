/** An HTTP proxy before the edge that fails as networks and edges do: answers 503, cuts before the edge has the request, or cuts after it has
 *  it, so that the producer can't know. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault = "none" | "refuses" | "cuts before" | "cuts after";

export class UnreliableEdge {
  readonly url: string;
  /** How often each fault struck. */
  readonly struck: Record<Fault, number> = { none: 0, refuses: 0, "cuts before": 0, "cuts after": 0 };
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `plan` says what happens to request n, counted from 1. */
  static async before(edgeUrl: string, plan: (count: number) => Fault): Promise<UnreliableEdge> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new UnreliableEdge(server);
    let count = 0;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      count += 1;
      const fault = plan(count);
      proxy.struck[fault] += 1;
      answer(fault, edgeUrl, { request, response }).catch(() => response.destroy());
    });
    return proxy;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(fault: Fault, edgeUrl: string, { request, response }: Exchange): Promise<void> {
  const body = Buffer.concat(await request.toArray());
  if (fault === "cuts before") {
    response.destroy();
    return;
  }
  if (fault === "refuses") {
    response.writeHead(503, { "retry-after": "1" }).end('{"success":false,"error":{"code":"CAPACITY_EXCEEDED","message":"full"}}');
    return;
  }
  const { authorization = "", "content-type": type = "" } = request.headers;
  const reply = await fetch(edgeUrl + request.url, { method: "POST", headers: { authorization, "content-type": type }, body });
  const text = await reply.text();
  if (fault === "cuts after") response.destroy();
  else response.writeHead(reply.status, { "content-type": "application/json" }).end(text);
}
