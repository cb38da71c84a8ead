/** The lines of a file of events. Whether an event is a good one is the edge's to say; whether it is one at all is decided here. */
import type { PublishEvent } from "../../sdk/publisher/index.ts";
import type { World } from "../cli.ts";
import { linesOf } from "../client.ts";
import { CliError } from "../errors.ts";
import { inputOf } from "../input.ts";

type InputWorld = Pick<World, "cwd" | "stdin" | "signal">;

export interface EventLine {
  /** From 1. */
  readonly line: number;
  readonly event: PublishEvent;
}

export async function* readEvents(world: InputWorld, file: string): AsyncGenerator<EventLine> {
  let line = 0;
  for await (const text of linesOf({ body: inputOf(world, file) })) {
    line += 1;
    if (text.trim() !== "") yield { line, event: parseEvent(text, line) };
  }
}

/** Throws for the first line that is no event. */
export async function checkFile(world: InputWorld, file: string): Promise<void> {
  for await (const _ of readEvents(world, file));
}

function parseEvent(text: string, line: number): PublishEvent {
  const value = jsonOf(text);
  const { type, data } = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  if (typeof type === "string" && typeof data === "object" && data !== null) return value as PublishEvent;
  throw new CliError("usage", `line ${line} is no event`, {
    code: "NOT_AN_EVENT",
    advice: 'a line is {"type":"opportunity.detected","data":{…}}',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
