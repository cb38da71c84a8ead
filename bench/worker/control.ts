/** Steers and reads a run from outside, on the uncounted bindings. */
import { runCron } from "../../consumers/cron.ts";
import { streams } from "../../channels/catalogue.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { countBindings } from "./bindings.ts";
import { measureLife } from "./d1-life.ts";
import { add, counts } from "./tally.ts";

let roundTrips: Readonly<Record<string, number>> = {};

/** Distance between a channel and this relay. */
export function roundTripMs(relay: string): number {
  return roundTrips[relay.split(":")[1] ?? ""] ?? 0;
}

export async function control(request: Request, env: Env): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const byMs = Number(searchParams.get("by_ms") ?? 0);
  switch (pathname) {
    case "/__bench/counts":
      return Response.json(counts());
    case "/__bench/status":
      return Response.json(await Promise.all(streams.map(({ name: stream }) => channelStub(env, stream).status({ v: 1, stream }))));
    case "/__bench/round-trips":
      roundTrips = await request.json();
      return Response.json({});
    case "/__bench/prune":
      await runCron(countBindings(env), Date.now() + byMs);
      add("worker.cron");
      return Response.json(counts());
    case "/__bench/d1-life":
      return Response.json(await measureLife(env, await request.json()));
    default:
      return Response.json({}, { status: 404 });
  }
}
