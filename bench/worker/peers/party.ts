/** A PartyServer room that broadcasts what is posted to it, as its documentation shows. */
import { routePartykitRequest, Server } from "partyserver";

export class Room extends Server {
  static override options = { hibernate: true };

  override async onRequest(request: Request): Promise<Response> {
    const body: unknown = await request.json();
    for (const event of Array.isArray(body) ? body : [body]) this.broadcast(JSON.stringify(event));
    return new Response(null, { status: 202 });
  }
}

export default {
  // The type of its bindings is our own Worker's here; it finds its room by the name of the binding.
  async fetch(request, env) {
    const routed = await routePartykitRequest(request, env as Cloudflare.Env);
    return routed ?? new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
