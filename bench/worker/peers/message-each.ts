/** What one would write first: parse the body and give the queue a message for each event. No key, no schema, no dedupe, no positions. */

interface Bindings {
  readonly EVENTS: Queue;
}

/** `sendBatch` takes no more. */
const messagesMax = 100;

export default {
  async fetch(request, env) {
    const text = await request.text();
    const isLines = request.headers.get("content-type") === "application/x-ndjson";
    const parsed: unknown = isLines ? linesOf(text).map((line): unknown => JSON.parse(line)) : JSON.parse(text);
    const events: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    // One call for each event, or the fewest that there can be.
    if (new URL(request.url).pathname === "/singly") await Promise.all(events.map((event) => env.EVENTS.send(event)));
    else await sendInBatches(env.EVENTS, events);
    return Response.json({ accepted: events.length }, { status: 202 });
  },
  async queue() {
    // Taken and dropped.
  },
} satisfies ExportedHandler<Bindings>;

async function sendInBatches(queue: Queue, events: readonly unknown[]): Promise<void> {
  for (let from = 0; from < events.length; from += messagesMax) {
    await queue.sendBatch(events.slice(from, from + messagesMax).map((body) => ({ body })));
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
