import { expect, it } from "vitest";
// @ts-expect-error plain JavaScript, as Pages uploads it
import pages from "./_worker.js";

const edgeUrl = "https://edge.arbitragex.example";

async function ask(path: string): Promise<{ status: number; body: string; asked: string[] }> {
  const asked: string[] = [];
  const EDGE = {
    fetch: async (request: Request) => (asked.push(new URL(request.url).pathname), new Response("from the edge", { status: 201 })),
  };
  const request = new Request(`https://main.arbitragex.pages.dev${path}`);
  const response = await (pages as { fetch(request: Request, env: object): Promise<Response> }).fetch(request, { EDGE, EDGE_URL: edgeUrl });
  return { status: response.status, body: await response.text(), asked };
}

it.each(["/api/proxy/opportunities", "/security/token", "/analytics/summary", "/ws/opportunities", "/ws"])(
  "forwards %s untouched",
  async (path) => {
    expect(await ask(path)).toEqual({ status: 201, body: "from the edge", asked: [path] });
  },
);

it.each([
  ["/", 200],
  ["/api/events", 404],
  ["/ops/channels", 404],
  ["/securityx", 404],
  ["/wsx", 404],
])("answers %s itself and says what to change in the frontend", async (path, status) => {
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  expect(answer.asked).toEqual([]);
  expect(answer.body).toContain(`const WS_URL = "wss://edge.arbitragex.example/ws";`);
});
