/** The whole way of one call, from the choice of an origin to its answer, with a network that does what a test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  backendAnswerBytesMax,
  backendHeadersMs,
  backendReadMs,
  breakerPause,
  healthCheckEveryMs,
  originConnectionsMax,
  originWaitMs,
  originWaitingMax,
} from "../../schemas/limits-proxy.ts";
import { Backend } from "./backend.ts";
import { BackendError } from "./call.ts";
import type { BackendCall } from "./call.ts";
import { findProxyRoute } from "./table.ts";
import type { ProxyRoute } from "./table.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const a = "https://a.example";
const b = "https://b.example";

type Reply = () => Response | Promise<Response>;
type Network = Record<string, Reply>;

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

const json = (data: unknown, init: ResponseInit = {}): Response => Response.json(data, init);
const dead: Reply = () => Promise.reject(new TypeError("Network connection lost."));
const silent: Reply = () => new Promise(() => undefined);
const status =
  (code: number, text = "<html><h1>Bad Gateway</h1></html>"): Reply =>
  () =>
    new Response(text, { status: code, headers: { "content-type": "text/html" } });

function route(method: string, path: string): ProxyRoute {
  const found = findProxyRoute(method, path);
  if (found.kind !== "route") throw new Error(path);
  return found.route;
}

const read: BackendCall = { route: route("GET", "/chains"), path: "/chains", query: "", requestId: "r1" };
const trade: BackendCall = { ...read, route: route("POST", "/opportunities/o1/execute"), path: "/opportunities/o1/execute", body: "{}" };
const put: BackendCall = { ...read, route: route("PUT", "/strategies/s1"), path: "/strategies/s1", body: "{}" };

function backendOn(network: Network, origins = [a]) {
  const sent: Sent[] = [];
  const kept: Promise<unknown>[] = [];
  const backend = new Backend(
    { origins, prefix: "/api", token: "the-token", apiKey: "the-key" },
    {
      fetch: async (url, init) => {
        sent.push({ url, init });
        const reply = network[new URL(url).origin];
        if (reply === undefined) throw new Error(url);
        return await reply();
      },
      clock: Date.now,
      random: () => 0,
    },
  );
  const context = { waitUntil: (work: Promise<unknown>) => void kept.push(work) };
  /** Time passes until it has an answer. */
  const ask = async (call: BackendCall): Promise<Response | BackendError> => {
    const asked = backend.proxyTo(call, context).catch((error: unknown) => {
      if (error instanceof BackendError) return error;
      throw error;
    });
    let done = false;
    void asked.then(() => (done = true));
    for (let step = 0; step < 400 && !done; step += 1) await vi.advanceTimersByTimeAsync(100);
    if (!done) throw new Error("it never ends");
    return await asked;
  };
  const pathsOf = (origin: string): string[] => sent.filter(({ url }) => url.startsWith(origin)).map(({ url }) => new URL(url).pathname);
  return { backend, ask, sent, kept, context, pathsOf, network };
}

const dataOf = async (response: Response | BackendError): Promise<unknown> => {
  if (response instanceof BackendError) throw response;
  return await response.json();
};

describe("what is sent", () => {
  it("is what the edge says and nothing of the client: both credentials, the request's id, and no redirect is followed", async () => {
    const { ask, sent } = backendOn({ [a]: () => json([1]) });
    expect(await dataOf(await ask({ ...read, query: "x=1", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }))).toEqual([1]);
    const [{ url, init } = { url: "", init: {} }] = sent;
    expect(url).toBe("https://a.example/api/chains?x=1");
    expect(Object.fromEntries(new Headers(init.headers))).toEqual({
      accept: "application/json",
      authorization: "Bearer the-token",
      traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      "user-agent": "ArbitrageX-Edge",
      "x-api-key": "the-key",
      "x-request-id": "r1",
    });
    expect(init.redirect).toBe("manual");
    expect(init.signal).toBeInstanceOf(AbortSignal);
  });

  it("has no time without an end, on any route", async () => {
    for (const call of [read, trade, put]) {
      const { ask, sent } = backendOn({ [a]: silent });
      const startedMs = Date.now();
      expect(await ask(call)).toMatchObject({ code: "UPSTREAM_TIMEOUT", status: 504, sent: "maybe" });
      expect(Date.now() - startedMs).toBeLessThanOrEqual(call.route.totalMs + 100);
      expect(sent.every(({ init }) => init.signal?.aborted)).toBe(true);
    }
  });
});

describe("an answer", () => {
  it.each<[string, Reply]>([
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/admin" } })],
    ["a page", status(200)],
    ["too much, as it announces", () => json([], { headers: { "content-length": String(backendAnswerBytesMax + 1) } })],
  ])("that is %s becomes 502, and the same is not asked for again", async (_, reply) => {
    const { ask, sent } = backendOn({ [a]: reply });
    const error = await ask(read);
    expect(error).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 502 });
    expect(String((error as BackendError).message)).not.toMatch(/html|127\.0/);
    expect(sent).toHaveLength(1);
  });

  it("that turns out too large is broken off", async () => {
    const piece = new Uint8Array(1_048_576);
    const { ask } = backendOn({
      [a]: () =>
        new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }), {
          headers: { "content-type": "application/json" },
        }),
    });
    const response = await ask(read);
    await expect((response as Response).arrayBuffer()).rejects.toThrow("larger than");
  });

  it("that refuses is told with its sentence, in bounds, and not retried", async () => {
    const { ask, sent } = backendOn({ [a]: () => json({ error: { code: "NO", message: "no such\n at foo.js:1" } }, { status: 404 }) });
    expect(await ask(read)).toMatchObject({ code: "NOT_FOUND", message: "no such", sent: "refused" });
    const large = backendOn({ [a]: () => json({ error: { message: "m", padding: "x".repeat(20_000) } }, { status: 400 }) });
    expect(await large.ask(read)).toMatchObject({ code: "INVALID_PARAMETERS", message: "the backend answered 400" });
    expect(sent).toHaveLength(1);
  });
});

describe("a read", () => {
  it("is tried again when a gateway says the backend is away, and answered when it is back", async () => {
    let calls = 0;
    const { ask, backend } = backendOn({ [a]: () => ((calls += 1) < 3 ? status(503)() : json("back")) });
    expect(await dataOf(await ask(read))).toBe("back");
    expect(calls).toBe(3);
    expect(backend.status()).toMatchObject({ retries: 2, failovers: 0 });
  });

  it.each([
    [500, 1],
    [502, 3],
    [503, 3],
    [504, 3],
  ])("answered %i is sent %i times in all, then told as 502", async (code, times) => {
    const { ask, sent } = backendOn({ [a]: status(code) });
    expect(await ask(read)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 502, retryAfterSeconds: 1 });
    expect(sent).toHaveLength(times);
  });

  it("is not sent again to who was too slow", async () => {
    const { ask, sent } = backendOn({ [a]: silent });
    expect(await ask(read)).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    expect(sent).toHaveLength(1);
  });

  it("reaches the second origin within one call when the first is dead, silent or ill", async () => {
    for (const reply of [dead, silent, status(503)]) {
      const { ask, pathsOf, backend } = backendOn({ [a]: reply, [b]: () => json("b") }, [a, b]);
      const startedMs = Date.now();
      expect(await dataOf(await ask(read))).toBe("b");
      expect([pathsOf(a), pathsOf(b).filter((path) => path !== "/api/health")]).toEqual([["/api/chains"], ["/api/chains"]]);
      expect(Date.now() - startedMs).toBeLessThan(backendReadMs);
      expect(backend.status()).toMatchObject({ retries: 0, failovers: 1 });
    }
  });

  it("ends in time when both are silent", async () => {
    const { ask, pathsOf } = backendOn({ [a]: silent, [b]: silent }, [a, b]);
    const startedMs = Date.now();
    expect(await ask(read)).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    expect(Date.now() - startedMs).toBeLessThanOrEqual(backendReadMs);
    expect([pathsOf(a), pathsOf(b)]).toEqual([["/api/chains"], ["/api/health", "/api/chains"]]);
  });
});

it("says so when no backend is configured", async () => {
  const { ask } = backendOn({}, []);
  expect(await ask(read)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 503, sent: "no" });
});

describe("what may happen only once", () => {
  it.each<[string, Reply, string]>([
    ["dead", dead, "maybe"],
    ["silent", silent, "maybe"],
    ["ill", status(503), "maybe"],
    ["nonsense", status(200), "maybe"],
  ])("is sent once to an origin that is %s, and to no other", async (_, reply, sent) => {
    const { ask, pathsOf } = backendOn({ [a]: reply, [b]: () => json("b") }, [a, b]);
    expect(await ask(trade)).toMatchObject({ sent });
    expect([pathsOf(a).filter((path) => path.endsWith("/execute")).length, pathsOf(b).filter((path) => path.endsWith("/execute"))]).toEqual(
      [1, []],
    );
  });

  it("goes to the second origin when the first is known to be ill", async () => {
    const { ask, pathsOf, network } = backendOn({ [a]: status(503), [b]: status(503) }, [a, b]);
    await ask(read);
    await ask(read);
    network[b] = () => json("b");
    await vi.advanceTimersByTimeAsync(breakerPause.maxMs);
    await ask(read);
    expect(await dataOf(await ask(trade))).toBe("b");
    expect(pathsOf(a).filter((path) => path.endsWith("/execute"))).toEqual([]);
  });

  it("does not find out whether an origin is well again: somebody asks first", async () => {
    const { ask, pathsOf, network } = backendOn({ [a]: dead });
    for (let call = 0; call < 3; call += 1) await ask(read);
    expect(await ask(trade)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 503, sent: "no" });
    await vi.advanceTimersByTimeAsync(breakerPause.maxMs);
    expect(await ask(trade)).toMatchObject({ sent: "no" });
    expect(pathsOf(a).filter((path) => path.endsWith("/execute"))).toEqual([]);
    network[a] = () => json("done");
    await vi.advanceTimersByTimeAsync(breakerPause.maxMs);
    expect(await dataOf(await ask(trade))).toBe("done");
    expect(pathsOf(a).slice(-2)).toEqual(["/api/health", "/api/opportunities/o1/execute"]);
  });
});

describe("a breaker", () => {
  it("answers at once with Retry-After while all are ill, and lets the next read find out that it is over", async () => {
    const { ask, sent, network, backend } = backendOn({ [a]: dead });
    await ask(read);
    const before = sent.length;
    expect(await ask(read)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", status: 503, retryAfterSeconds: 1, sent: "no" });
    expect(sent).toHaveLength(before);
    expect(backend.status().origins[0]).toMatchObject({ state: "open", opened: 1 });
    network[a] = () => json("back");
    await vi.advanceTimersByTimeAsync(breakerPause.firstMs);
    expect(await dataOf(await ask(read))).toBe("back");
    expect(backend.status().origins[0]?.state).toBe("closed");
  });

  it("brings the preferred origin back by a check beside a call, not by one that has to wait for it", async () => {
    const { ask, pathsOf, network, backend, kept } = backendOn({ [a]: dead, [b]: () => json("b") }, [a, b]);
    for (let call = 0; call < 3; call += 1) await ask(read);
    expect(backend.status().origins[0]?.state).toBe("open");
    network[a] = () => json("a");
    await vi.advanceTimersByTimeAsync(breakerPause.firstMs);
    expect(await dataOf(await ask(read))).toBe("b");
    await Promise.all(kept);
    expect(pathsOf(a).at(-1)).toBe("/api/health");
    expect(await dataOf(await ask(read))).toBe("a");
  });

  it("learns of a second origin that died unnoticed before anybody needs it", async () => {
    const { ask, backend, kept } = backendOn({ [a]: () => json("a"), [b]: dead }, [a, b]);
    for (let call = 0; call < 3; call += 1) {
      await ask(read);
      await Promise.all(kept);
      await vi.advanceTimersByTimeAsync(healthCheckEveryMs);
    }
    expect(backend.status().origins[1]).toMatchObject({ opened: 1, counts: { health_checks: 3, calls: 0 } });
  });
});

describe("connections", () => {
  it("are never more than a Worker has, and who waits for one is served or told in time", async () => {
    const gate = Promise.withResolvers<undefined>();
    let now = 0;
    let most = 0;
    const { backend, context } = backendOn({
      [a]: async () => {
        most = Math.max(most, (now += 1));
        await gate.promise;
        now -= 1;
        return json("a");
      },
    });
    const ask = (): Promise<unknown> =>
      backend.proxyTo(read, context).then(
        (response) => response.json(),
        (error: BackendError) => error.code,
      );
    const asked = Array.from({ length: originConnectionsMax + originWaitingMax }, ask);
    await vi.advanceTimersByTimeAsync(0);
    expect(backend.status().origins[0]).toMatchObject({ in_flight: originConnectionsMax, waiting: originWaitingMax });
    expect(await ask()).toBe("CAPACITY_EXCEEDED");
    gate.resolve(undefined);
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["a"]));
    expect([most, backend.status().origins[0]?.in_flight]).toEqual([originConnectionsMax, 0]);
  });

  it("are waited for no longer than may be, and the backend is not asked then", async () => {
    const { backend, context, sent } = backendOn({ [a]: silent });
    const ask = (): Promise<string> =>
      backend.proxyTo(trade, context).then(
        () => "answered",
        (error: BackendError) => `${error.code} ${error.sent}`,
      );
    for (let call = 0; call < originConnectionsMax; call += 1) void ask();
    const waiting = ask();
    await vi.advanceTimersByTimeAsync(originWaitMs);
    expect(await waiting).toBe("CAPACITY_EXCEEDED no");
    expect(sent).toHaveLength(originConnectionsMax);
  });

  it("are held until a body has been read, and freed when its reader leaves", async () => {
    const { ask, backend } = backendOn({ [a]: () => json("a") });
    const held = (await ask(read)) as Response;
    expect(backend.status().origins[0]?.in_flight).toBe(1);
    await held.body?.cancel();
    expect(backend.status().origins[0]?.in_flight).toBe(0);
    await ((await ask(read)) as Response).text();
    expect(backend.status().origins[0]?.in_flight).toBe(0);
  });

  it("go to the second origin when the first has none free", async () => {
    const { backend, context } = backendOn({ [a]: () => silent(), [b]: () => json("b") }, [a, b]);
    for (let call = 0; call < originConnectionsMax + originWaitingMax; call += 1)
      void backend.proxyTo(read, context).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    const answered = backend.proxyTo(read, context).then((response) => response.json());
    await vi.advanceTimersByTimeAsync(0);
    expect(await answered).toBe("b");
    await vi.advanceTimersByTimeAsync(backendHeadersMs);
  });
});
