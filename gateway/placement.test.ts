import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { AppError } from "../platform/errors.ts";
import { placementsOf } from "./placements.ts";
import { placeOf, platformDeps, reachRelay, type PlacementDeps, type UpgradeWish } from "./placement.ts";

const london = { country: "GB" };
/** REGIONS of wrangler.toml, from there. */
const order = ["relay:weur:0", "relay:enam:0", "relay:wnam:0"];
const withOneMoreEach = order.flatMap((name) => [name, name.replace(/0$/, "1")]);

let asked: string[] = [];
beforeEach(() => {
  asked = [];
});

function deps(answer: (name: string) => Promise<Response>): PlacementDeps {
  const relay: PlacementDeps["relay"] = (_, name) => ({
    fetch: (request) => {
      asked.push(name);
      expect(request.headers.get("x-name")).toBe(name);
      return answer(name);
    },
  });
  return { ...platformDeps, relay, timeoutMs: 30 };
}

/** What an isolate learns of regions is kept by its environment: each test begins anew. */
let own = { ...env };
beforeEach(() => {
  own = { ...env };
});
const wishOf = (): UpgradeWish => ({
  env: own,
  place: london,
  request: (relay: string) => new Request("https://relay/", { headers: { "x-name": relay } }),
});
const full = async (): Promise<Response> => new Response("full", { status: 503 });
const silent = (): Promise<Response> => new Promise(() => undefined);
const taken = async (): Promise<Response> => new Response("welcome");

async function outcome(answer: (name: string) => Promise<Response>): Promise<string> {
  try {
    return await (await reachRelay(wishOf(), deps(answer))).text();
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

it("tries three regions and says what kept it out: full, or out of reach", async () => {
  expect(await outcome(full)).toBe("CAPACITY_EXCEEDED");
  expect(asked).toEqual(withOneMoreEach);
  asked = [];
  expect(await outcome(silent)).toBe("UPSTREAM_UNAVAILABLE");
  expect(asked).toEqual(order);
  expect(await outcome(() => Promise.reject(new Error("gone")))).toBe("UPSTREAM_UNAVAILABLE");
  expect(await outcome((name) => (name === order[1] ? full() : silent()))).toBe("CAPACITY_EXCEEDED");
});

it("goes to the region's next relay when the first is full, and asks it from then on", async () => {
  const place = wishOf();
  const answer = deps((name) => (name === "relay:weur:0" ? full() : taken()));
  expect(await (await reachRelay(place, answer)).text()).toBe("welcome");
  expect(asked).toEqual(["relay:weur:0", "relay:weur:1"]);
  const { shards } = await placementsOf(place.env).now(Date.now());
  expect(shards).toEqual({ weur: 2 });
});

it.each<[string, () => Promise<Response>]>([
  ["is silent", silent],
  ["fails", () => Promise.reject(new Error("gone"))],
])("goes to the next region in the written order when the nearest %s", async (_, nearest) => {
  expect(await outcome((name) => (name === order[0] ? nearest() : taken()))).toBe("welcome");
  expect(asked).toEqual(order.slice(0, 2));
});

it("closes a socket that comes after it went on", async () => {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const closed = new Promise((resolve) => server.addEventListener("close", ({ code }) => resolve(code)));
  let arrive: (late: Response) => void = () => undefined;
  const late = new Promise<Response>((resolve) => (arrive = resolve));
  expect(await outcome((name) => (name === order[0] ? late : taken()))).toBe("welcome");
  arrive(new Response(null, { status: 101, webSocket: client }));
  expect(await closed).toBe(1_000);
});

it("passes on any other refusal of the relay as it is", async () => {
  expect(
    (
      await reachRelay(
        wishOf(),
        deps(async () => new Response("no", { status: 426 })),
      )
    ).status,
  ).toBe(426);
  expect(asked).toEqual(order.slice(0, 1));
});

it("knows nothing of a request that did not come through Cloudflare, and reads what is text of one that did", () => {
  expect(placeOf(new Request("https://edge.test/"))).toBeUndefined();
  const request = new Request("https://edge.test/", { cf: { country: "US", regionCode: "CA", longitude: "-122.4", continent: 7 } });
  expect(placeOf(request)).toEqual({ country: "US", regionCode: "CA", longitude: "-122.4", continent: undefined });
});
