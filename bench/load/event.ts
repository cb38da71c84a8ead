/** The events of a load: one recorded opportunity over and over, each time another one. Its id tells when it was due. */
import { readEventSet } from "../../demo/event-set.ts";
import { renderEvent } from "../../schemas/render.ts";

/** Begins every event's id, and nothing else that a server sends. */
export const eventMarker = '"id":"b.';
export const stampDigits = 16;

export function eventId(stampMicros: number, sequence: number): string {
  return `b.${String(stampMicros).padStart(stampDigits, "0")}.${sequence}`;
}

/** An opportunity lives this long. */
const livesMs = 60_000;

export interface Making {
  readonly stampMicros: number;
  readonly sequence: number;
  readonly nowMs: number;
}

/** Makes events' wire texts by joining the recorded one's pieces: cheap enough for thousands a second. */
export function eventMaker(): (making: Making) => string {
  const recorded = readEventSet("btc").find(({ type }) => type === "opportunity.detected");
  if (recorded === undefined) throw new Error("the event set holds no opportunity");
  const data = { ...recorded.data, opportunity_id: "@entity@", timestamp: "@now@", expiry_time: "@expiry@" };
  const text = renderEvent({ ...recorded, id: "@id@", subject: "@entity@", time: "@now@", data });
  const pieces = text.split("@");
  return ({ stampMicros, sequence, nowMs }) => {
    const id = eventId(stampMicros, sequence);
    const values: Readonly<Record<string, string>> = {
      id,
      entity: `o-${id}`,
      now: new Date(nowMs).toISOString(),
      expiry: new Date(nowMs + livesMs).toISOString(),
    };
    // Odd pieces are the names between two @.
    return pieces.map((piece, index) => (index % 2 === 0 ? piece : (values[piece] ?? ""))).join("");
  };
}
