/** Clients that know nothing of this project: Node's own WebSocket and npm's partysocket, unmodified, on the one-channel addresses. Each is cut off
 *  while events pass, names its position when it comes back, and has the log. */
import { PartySocket } from "partysocket";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { FlakyLine } from "./flaky-line.ts";
import { opportunitiesOf, postEvents, readLog, waitFor, type LogEntry } from "./log.ts";

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

/** The few lines that a user of such a client writes: remember the greatest position, notice a hole. */
class Memory {
  readonly seen: LogEntry[] = [];
  readonly recoveries: boolean[] = [];
  holes = 0;
  position: { epoch: string; offset: number } | undefined;
  start: { epoch: string; offset: number } | undefined;
  readonly wait = waitFor("what was posted", 60_000);

  hear(text: string): void {
    const { type, epoch, offset, prev, id, recovered } = JSON.parse(text) as LogEntry & { type: string; prev?: number; recovered: boolean };
    if (type === "subscribed") {
      this.start ??= { epoch, offset };
      this.position = { epoch, offset };
      this.recoveries.push(recovered);
    } else if (prev !== undefined && this.position !== undefined) {
      if (prev > this.position.offset) this.holes += 1;
      this.seen.push({ epoch, offset, id });
      this.position = { epoch, offset };
    }
    this.wait.poke();
  }

  /** As the addresses take it in their query. */
  get query(): Record<string, string> {
    return this.position === undefined ? {} : { epoch: this.position.epoch, offset: String(this.position.offset) };
  }
}

interface Connected {
  isOpen(): boolean;
  close(): void;
}

function openWebSocket(port: number, path: string, memory: Memory): Connected {
  let isEnding = false;
  let socket: WebSocket;
  const open = (): void => {
    socket = new WebSocket(`ws://127.0.0.1:${port}${path}?${new URLSearchParams(memory.query)}`);
    socket.addEventListener("message", ({ data }) => memory.hear(String(data)));
    socket.addEventListener("close", () => {
      memory.wait.poke();
      if (!isEnding) setTimeout(open, 200);
    });
  };
  open();
  return {
    isOpen: () => socket.readyState === WebSocket.OPEN,
    close: () => {
      isEnding = true;
      socket.close();
    },
  };
}

function openPartySocket(port: number, address: { party: string; room: string } | { basePath: string }, memory: Memory): Connected {
  const socket = new PartySocket({ host: `127.0.0.1:${port}`, ...address, query: () => memory.query });
  socket.addEventListener("message", ({ data }) => memory.hear(String(data)));
  socket.addEventListener("close", () => memory.wait.poke());
  return { isOpen: () => socket.readyState === PartySocket.OPEN, close: () => socket.close() };
}

it.each<[name: string, open: (port: number, memory: Memory) => Connected]>([
  ["WebSocket on /ws/{channel}", (port, memory) => openWebSocket(port, "/ws/opportunities", memory)],
  ["WebSocket on /parties/channel/{channel}", (port, memory) => openWebSocket(port, "/parties/channel/opportunities", memory)],
  ["partysocket on /ws/{channel}", (port, memory) => openPartySocket(port, { basePath: "ws/opportunities" }, memory)],
  [
    "partysocket on /parties/channel/{channel}",
    (port, memory) => openPartySocket(port, { party: "channel", room: "opportunities" }, memory),
  ],
])("%s misses 500 events while it is cut off, recovers by position and has the log", async (name, open) => {
  const line = await FlakyLine.to(edge.port);
  const memory = new Memory();
  const client = open(line.port, memory);
  try {
    const { wait } = memory;
    await wait.done(() => memory.start !== undefined);
    await postEvents(edge.url, opportunitiesOf(`${name} before`, 20));
    await wait.done(() => memory.seen.length === 20);
    line.cut();
    await wait.done(() => !client.isOpen());
    await postEvents(edge.url, opportunitiesOf(`${name} during`, 500));
    line.mend();
    await wait.done(() => memory.seen.length === 520);
    await postEvents(edge.url, opportunitiesOf(`${name} after`, 20));
    await wait.done(() => memory.seen.length === 540);
    expect(memory.seen).toEqual(await readLog(edge.url, "opportunities", memory.start ?? { epoch: "", offset: -1 }));
    expect(memory.recoveries).toEqual([false, true]);
    expect(memory.holes).toBe(0);
  } finally {
    client.close();
    line.close();
  }
});
