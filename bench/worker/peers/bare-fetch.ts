/** The least there can be behind a fetch handler: the same body, no route, no key, no limit, no header but its type. */

interface Bindings {
  readonly BODY: string;
}

const headers = { "content-type": "application/json; charset=utf-8" };

export default {
  fetch: (_, env) => new Response(env.BODY, { headers }),
} satisfies ExportedHandler<Bindings>;
