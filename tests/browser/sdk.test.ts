/** The SDK in a page of a real Chromium, over a line that breaks, against the running edge. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { EdgeProcess, freshState } from "../e2e/edge-process.ts";
import { FlakyLine } from "../e2e/flaky-line.ts";
import { opportunitiesOf, postEvents, readLog } from "../e2e/log.ts";
import { hasChromium, openStage, origin, type Stage } from "./chromium.ts";
import type { Seen } from "./seen.ts";

describe.skipIf(!hasChromium())("in Chromium", () => {
  let edge: EdgeProcess;
  let stage: Stage;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    [edge, stage] = await Promise.all([
      EdgeProcess.start(["--no-feed", "--state", freshState()]).then((each) => each.healthy()),
      openStage(),
    ]);
  });
  afterAll(async () => {
    await stage.end();
    await edge.end("SIGTERM");
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function openPage(): Promise<{ page: Page; line: FlakyLine; faults: string[] }> {
    const line = await FlakyLine.to(edge.port);
    const context = await stage.browser.newContext();
    ends.push(
      () => context.close(),
      () => line.close(),
    );
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    // The browser tells of every connection that the line cut; of a handshake, no more often than the line cut one.
    let cutHandshakes = 0;
    page.on("console", (message) => {
      if (message.type() !== "error" || message.text().includes("net::ERR_")) return;
      if (message.text().endsWith("Connection closed before receiving a handshake response") && cutHandshakes++ < line.unanswered) return;
      faults.push(message.text());
    });
    await page.goto(`${origin}/?edge=${encodeURIComponent(line.url)}`);
    await page.waitForFunction(() => window.seen?.start !== undefined && document.querySelector("#best")?.textContent?.startsWith("live"));
    return { page, line, faults };
  }

  const seenBy = (page: Page): Promise<Seen> => page.evaluate(() => window.seen);
  const hasSeen = (page: Page, count: number) => page.waitForFunction((wanted) => window.seen.events.length >= wanted, count);
  const isText = (page: Page, selector: string, text: string) =>
    page.waitForFunction(([at, wanted]) => document.querySelector(at ?? "")?.textContent === wanted, [selector, text]);

  it("is cut off while 500 events pass, comes back with the network, and matches the log event for event", async () => {
    const { page, line, faults } = await openPage();
    await postEvents(edge.url, opportunitiesOf("page-before", 20));
    await hasSeen(page, 20);
    line.cut();
    await isText(page, "#status", "waiting");
    await page.context().setOffline(true);
    await postEvents(edge.url, opportunitiesOf("page-during", 500));
    line.mend();
    await page.context().setOffline(false);
    await hasSeen(page, 520);
    await postEvents(edge.url, opportunitiesOf("page-after", 5));
    await hasSeen(page, 525);
    const { events, start, lost } = await seenBy(page);
    expect(events).toEqual(await readLog(edge.url, "opportunities", start ?? { epoch: "", offset: -1 }));
    expect(lost).toBe(0);
    await isText(page, "#feed", `live ${[4, 3, 2, 1, 0].map((index) => `page-after-${index}`).join(" ")}`);
    expect(faults).toEqual([]);
  });

  it("shows the best of a chain, each once in its newest state, also what happened while it was away", async () => {
    const { page, line } = await openPage();
    const profits = ["9", "10.0", "10.25", "100", "2"];
    await postEvents(
      edge.url,
      opportunitiesOf("best", 5, (index) => ({ chain: "base", profit: profits[index] ?? "0", entity: `best-${index}` })),
    );
    await postEvents(
      edge.url,
      opportunitiesOf("elsewhere", 1, () => ({ profit: "1000" })),
    );
    await isText(page, "#best", "live best-3:100 best-2:10.25 best-1:10.0");
    line.cut();
    await isText(page, "#status", "waiting");
    const timeMs = Date.now();
    await postEvents(edge.url, [
      ...opportunitiesOf("gone", 1, () => ({ chain: "base", entity: "best-3", type: "opportunity.expired", status: "expired", timeMs })),
      ...opportunitiesOf("more", 1, () => ({
        chain: "base",
        entity: "best-4",
        type: "opportunity.updated",
        profit: "20.000000000000000001",
        timeMs,
      })),
    ]);
    line.mend();
    await isText(page, "#best", "live best-4:20.000000000000000001 best-2:10.25 best-1:10.0");
  });

  it("doubts its sockets when the network changes, and replaces one that has fallen silent without a word", async () => {
    const { page, line } = await openPage();
    await postEvents(edge.url, opportunitiesOf("silent-before", 5));
    await hasSeen(page, 5);
    line.freeze();
    await postEvents(edge.url, opportunitiesOf("silent-during", 50));
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await hasSeen(page, 55);
    const { events, start, lost } = await seenBy(page);
    expect(events).toEqual(await readLog(edge.url, "opportunities", start ?? { epoch: "", offset: -1 }));
    expect(lost).toBe(0);
  });

  it("mounted twice in strict mode, toggled and dropped ten times, the old hook's replacement keeps to a few sockets and a store without repeats", async () => {
    const { page, line, faults } = await openPage();
    await isText(page, "#old", "connected");
    const before = line.opened;
    for (let drop = 0; drop < 10; drop++) {
      line.cut();
      await isText(page, "#old", "disconnected");
      await page.evaluate(() => {
        for (let click = 0; click < 20; click++) document.querySelector<HTMLButtonElement>("#old")?.click();
        document.querySelector<HTMLButtonElement>("#toggle")?.click();
      });
      line.mend();
      await isText(page, "#old", "connected");
    }
    await postEvents(
      edge.url,
      opportunitiesOf("old", 50, (index) => ({ entity: `old-${index % 25}` })),
    );
    await page.waitForFunction(() => window.seen.store.some(({ id }) => id === "old-24"));
    const { store } = await seenBy(page);
    expect(new Set(store.map(({ id }) => id)).size).toBe(store.length);
    expect(store.filter(({ id }) => id.startsWith("old-"))).toHaveLength(25);
    // Three clients' sockets (the channel, the list, the old hook), ten drops, and snapshots of a list that is mounted again.
    expect(line.opened - before).toBeLessThan(100);
    expect(faults).toEqual([]);
  });
});
