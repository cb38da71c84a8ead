/** docs/producers.md is true: its programs, taken from the page, post to the started edge as they stand; and the publisher loses nothing and
 *  tells nothing twice through a line that fails. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPublisher, type PublishEvent, type PublishResult } from "arbitragex-edge/publisher";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { UnreliableEdge, type Fault } from "./unreliable-edge.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
/** Inside the repository, so that the programs find its packages as a producer's would its own. */
const folder = join(root, ".local", `producers-${process.pid}`);

let edge: EdgeProcess;
beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

interface Block {
  readonly language: string;
  readonly text: string;
}

const page = readFileSync(join(root, "docs/producers.md"), "utf8");
const blocks: readonly Block[] = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));

/** The one block of this language that has the word in it. */
function block(language: string, word: string): string {
  const found = blocks.filter((candidate) => candidate.language === language && candidate.text.includes(word));
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`docs/producers.md has ${found.length} ${language} blocks with ${word}`);
  return only.text;
}

async function runBlock(command: string, name: string, text: string): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const { stdout } = await run(command, [file], {
    cwd: folder,
    env: { ...process.env, EDGE_URL: edge.url, EDGE_KEY: "dev-ingest-key-0001" },
    timeout: 60_000,
  });
  return stdout;
}

interface Logged {
  readonly id: string;
  readonly source: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function logged(channel: string, source: string): Promise<Logged[]> {
  const events: Logged[] = [];
  for (let query = "limit=1000"; ;) {
    const response = await fetch(`${edge.url}/api/channels/${channel}/history?${query}`, { headers: { "x-api-key": "dev-ops-key-0001" } });
    const { data, pagination } = (await response.json()) as {
      data: { epoch: string; through: number; events: { event: Logged }[] };
      pagination: { has_next: boolean };
    };
    events.push(...data.events.map(({ event }) => event).filter((event) => event.source === source));
    if (!pagination.has_next) return events;
    query = new URLSearchParams({ limit: "1000", epoch: data.epoch, since: String(data.through) }).toString();
  }
}

async function has(command: string): Promise<boolean> {
  return await run(command, ["--version"]).then(
    () => true,
    () => false,
  );
}

describe("the programs of docs/producers.md", () => {
  it("names the development edge's own key and address", () => {
    const variables = block("sh", "export EDGE_URL");
    expect(variables).toContain("EDGE_KEY=dev-ingest-key-0001");
    expect(variables).toContain("http://localhost:8787");
  });

  it("posts with curl", async () => {
    const answer = JSON.parse(await runBlock("sh", "post.sh", block("sh", "contabo/curl"))) as { data: unknown };
    expect(answer.data).toEqual({ accepted: 1, duplicates: 0, rejected: [] });
    expect(await logged("opportunities", "contabo/curl")).toMatchObject([{ data: { opportunity_id: "opp-curl" } }]);
  });

  it("posts with the cloudevents package", async () => {
    await runBlock(process.execPath, "cloudevents.ts", block("ts", 'from "cloudevents"'));
    expect(await logged("executions", "contabo/cloudevents")).toMatchObject([{ data: { execution_id: "run-1", actual_profit: "21.07" } }]);
  });

  it("posts with the publisher, all of it, in order", async () => {
    expect(await runBlock(process.execPath, "publisher.ts", block("ts", "createPublisher"))).toBe("pending 0\n");
    const ids = (await logged("opportunities", "contabo/publisher")).map(({ data }) => data["opportunity_id"]);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => `opp-publisher-${index + 1}`));
  });

  it("posts with Python where there is one", async ({ skip }) => {
    if (!(await has("python3"))) skip("no python3 here");
    expect(await runBlock("python3", "post.py", block("python", "contabo/python"))).toContain("'accepted': 1");
    expect(await logged("alerts", "contabo/python")).toMatchObject([{ data: { level: "warning" } }]);
  });
});

describe("the publisher through a line that fails", () => {
  const now = new Date().toISOString();
  const alert = (index: number): PublishEvent => ({
    type: "system.alert",
    id: `alert-${index}`,
    data: { level: "info", message: `alert ${index}`, timestamp: now },
  });
  const events = 1_500;
  const pattern: readonly Fault[] = ["none", "cuts after", "none", "refuses", "cuts before", "none", "cuts after", "cuts after", "none"];

  it("loses nothing and tells nothing twice", async () => {
    const line = await UnreliableEdge.before(edge.url, (count) => pattern[count % pattern.length] ?? "none");
    const batches: { accepted: number; duplicates: number }[] = [];
    const publisher = createPublisher({
      url: line.url,
      key: "dev-ingest-key-0001",
      source: "contabo/unreliable",
      batchEventsMax: 100,
      bufferEventsMax: 500,
      onBatch: (batch) => batches.push(batch),
    });
    const results: Promise<PublishResult>[] = [];
    for (let index = 0; index < events; index += 1) {
      await publisher.ready();
      results.push(publisher.publish(alert(index)));
    }
    await publisher.close();
    line.close();
    const expected = Array.from({ length: events }, (_, index) => `alert-${index}`);
    expect(await Promise.all(results)).toEqual(expected.map((id) => ({ kind: "durable", id })));
    // Each once, and in the order of their publishing.
    expect((await logged("alerts", "contabo/unreliable")).map(({ id }) => id)).toEqual(expected);
    // The faults did strike, and the edge did recognise what it had already.
    for (const fault of ["refuses", "cuts before", "cuts after"] as const) expect(line.struck[fault], fault).toBeGreaterThan(0);
    expect(batches.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBeGreaterThan(0);
  });

  it("says of each event what is wrong with it, and with which key it may not post", async () => {
    const publisher = createPublisher({ url: edge.url, key: "dev-ingest-key-0001", source: "contabo/mixed" });
    const wrong = { ...alert(1), id: "wrong", time: "yesterday" };
    const [good, bad] = await Promise.all([publisher.publish({ ...alert(1), id: "good" }), publisher.publish(wrong)]);
    expect([good, bad]).toMatchObject([
      { kind: "durable", id: "good" },
      { kind: "rejected", id: "wrong", code: "INVALID_PARAMETERS", path: "time" },
    ]);
    const stranger = createPublisher({ url: edge.url, key: "not-a-key" });
    expect(await stranger.publish(alert(2))).toMatchObject({ kind: "failed", code: "UNAUTHORIZED" });
  });
});
