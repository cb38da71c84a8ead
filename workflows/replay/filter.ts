/** Which lines a replay is about. Reads an event's head by its written order (schemas/render.ts) instead of parsing a million texts. Pure. */
import type { ReplaySpec } from "../../schemas/replay.ts";
import type { ReplayLine } from "./sink.ts";

/** Undefined when all lines match. */
export function matcherOf({ types, entities }: Pick<ReplaySpec, "types" | "entities">): ((line: ReplayLine) => boolean) | undefined {
  if (types === undefined && entities === undefined) return undefined;
  const wantedTypes = types && new Set(types);
  const wantedEntities = entities && new Set(entities);
  return ({ text }) => {
    if (wantedTypes !== undefined && !wantedTypes.has(attributeOf(text, "type") ?? "")) return false;
    return wantedEntities === undefined || wantedEntities.has(attributeOf(text, "subject") ?? "");
  };
}

/** An attribute of the envelope: those come first, and quotes within texts are escaped, so the first mention is its own. Undefined in what
 *  is no event. */
export function attributeOf(text: string, name: "type" | "subject"): string | undefined {
  const mark = `"${name}":"`;
  const found = text.indexOf(mark);
  if (found < 0) return undefined;
  const start = found + mark.length;
  let end = text.indexOf('"', start);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  if (end < 0) return undefined;
  const value = text.slice(start, end);
  return value.includes("\\") ? unescaped(value) : value;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") slashes += 1;
  return slashes % 2 === 1;
}

function unescaped(value: string): string | undefined {
  try {
    return String(JSON.parse(`"${value}"`));
  } catch {
    return undefined;
  }
}
