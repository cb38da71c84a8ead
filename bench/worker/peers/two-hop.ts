/** The runtime's floor with two hops, as every design that keeps sockets near their users has: a hub takes the posts by RPC and calls a
 *  second object that holds the sockets. No dedupe, no positions, no log. */
import { DurableObject } from "cloudflare:workers";

interface Bindings {
  readonly HUB: DurableObjectNamespace<Hub>;
  readonly HOLDER: DurableObjectNamespace<Holder>;
}

export class Hub extends DurableObject<Bindings> {
  async publish(events: readonly string[]): Promise<void> {
    await holderOf(this.env).broadcast(events);
  }
}

export class Holder extends DurableObject<Bindings> {
  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  async broadcast(events: readonly string[]): Promise<void> {
    const sockets = this.ctx.getWebSockets();
    for (const text of events) for (const socket of sockets) socket.send(text);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close(1000);
  }
}

function holderOf({ HOLDER }: Bindings): DurableObjectStub<Holder> {
  return HOLDER.get(HOLDER.idFromName("holder"));
}

export default {
  async fetch(request, env) {
    if (request.headers.get("upgrade") === "websocket") return holderOf(env).fetch(request);
    const body: unknown = await request.json();
    const events = (Array.isArray(body) ? body : [body]).map((event) => JSON.stringify(event));
    await env.HUB.get(env.HUB.idFromName("hub")).publish(events);
    return new Response(null, { status: 202 });
  },
} satisfies ExportedHandler<Bindings>;
