/** The runtime's floor with one hop: one object takes the posts and holds the hibernating sockets. No dedupe, no positions, no log. */
import { DurableObject } from "cloudflare:workers";

interface Bindings {
  readonly ROOM: DurableObjectNamespace<Room>;
}

export class Room extends DurableObject<Bindings> {
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body: unknown = await request.json();
    const sockets = this.ctx.getWebSockets();
    for (const event of Array.isArray(body) ? body : [body]) {
      const text = JSON.stringify(event);
      for (const socket of sockets) socket.send(text);
    }
    return new Response(null, { status: 202 });
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close(1000);
  }
}

export default {
  fetch(request, env) {
    // Whether this runtime can tell what a socket has not sent yet.
    if (new URL(request.url).pathname === "/probe") return Response.json({ bufferedAmount: "bufferedAmount" in WebSocket.prototype });
    return env.ROOM.get(env.ROOM.idFromName("room")).fetch(request);
  },
} satisfies ExportedHandler<Bindings>;
