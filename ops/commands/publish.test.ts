/** What is published is known to be durable, or the command fails and says from which line on. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Interrupted } from "../errors.ts";
import { answer, failure, runFake, type Asked } from "../testing/fake-world.ts";

const cwd = mkdtempSync(join(tmpdir(), "arbx-publish-"));

function fileOf(...lines: readonly unknown[]): string {
  const name = `${crypto.randomUUID()}.ndjson`;
  writeFileSync(join(cwd, name), lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return name;
}

const event = (id: string) => ({ id, type: "system.alert", data: { level: "info" } });
const taken = () => answer({ accepted: 1, duplicates: 0, rejected: [] }, undefined, 202);
const idsOf = (asked: readonly Asked[]) => asked.flatMap(({ body }) => (body as { id: string }[]).map(({ id }) => id));

it("posts every line in order, with the key for events", async () => {
  const ended = await runFake(["publish", fileOf(event("a"), "", event("b"))], { cwd, edge: taken });
  expect([ended.code, ended.stdout]).toEqual([0, "2 durable, 0 rejected, 0 failed\n"]);
  expect(idsOf(ended.asked)).toEqual(["a", "b"]);
  expect(ended.asked[0]?.headers.get("authorization")).toBe("Bearer ingest-key");
});

it("reads stdin, and with --queued says so", async () => {
  const ended = await runFake(["publish", "-", "--queued", "--json"], { edge: taken, stdin: `${JSON.stringify(event("a"))}\n` });
  expect(JSON.parse(ended.stdout)).toEqual({ durable: 1, rejected: 0, failed: 0 });
  expect(ended.asked[0]?.url.search).toBe("?delivery=queued");
});

it.each(["{", "[]", '{"type":"x"}', '{"data":{}}', "null"])("a file whose last line is %s publishes nothing", async (bad) => {
  const ended = await runFake(["publish", fileOf(event("a"), bad)], { cwd, edge: taken });
  expect([ended.code, ended.asked, ended.stdout]).toEqual([2, [], ""]);
  expect(ended.stderr).toContain("line 2 is no event");
});

it("a file that is not there is named", async () => {
  const ended = await runFake(["publish", "nowhere.ndjson"], { cwd, edge: taken });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain("nowhere.ndjson cannot be read");
});

it("names the line and the field of what the edge refuses, and ends with 1", async () => {
  const rejected = [{ index: 1, code: "INVALID_PARAMETERS", message: "is needed", path: "data.level" }];
  const edge = () => answer({ accepted: 1, duplicates: 0, rejected }, undefined, 202);
  const ended = await runFake(["publish", fileOf(event("a"), "", event("b"))], { cwd, edge });
  expect([ended.code, ended.stdout]).toEqual([1, "1 durable, 1 rejected, 0 failed\n"]);
  expect(ended.stderr).toContain("line 3: INVALID_PARAMETERS [data.level]: is needed");
});

describe("stops at the first event that did not arrive", () => {
  it("with 4 for a wrong key", async () => {
    const ended = await runFake(["publish", fileOf(event("a"))], { cwd, edge: () => failure(401, "UNAUTHORIZED") });
    expect(ended.code).toBe(4);
    expect(ended.stderr).toContain("from line 1 on, nothing is known to have arrived");
  });

  it("with 3 for an edge that cannot be reached", async () => {
    const edge = () => Promise.reject(new TypeError("fetch failed"));
    const ended = await runFake(["publish", fileOf(event("a")), "--give-up", "0.01"], { cwd, edge });
    expect(ended.code).toBe(3);
  });
});

it("interrupted, drops what is in flight, says what is durable and ends with 130", async () => {
  const stop = new AbortController();
  const edge = () => {
    stop.abort(new Interrupted());
    return new Promise<Response>(() => undefined);
  };
  const ended = await runFake(["publish", fileOf(event("a"))], { cwd, edge, signal: stop.signal });
  expect([ended.code, ended.stdout]).toEqual([130, ""]);
  expect(ended.stderr).toContain("0 events are durable");
});
