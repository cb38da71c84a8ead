/** An event on its way to sockets. Its text is split and its data parsed at most once, and only when a group needs it:
 *  an unfiltered native group never parses data. */
import type { EventType } from "../../schemas/event.ts";
import { splitWire, type WireParts } from "../../schemas/render.ts";
import type { Positioned } from "../../schemas/row.ts";

export class LiveEvent {
  readonly offset: number;
  readonly at: number;
  readonly stale: boolean;
  /** Offset of the entity's previous event, or 0. */
  readonly earlier: number;
  readonly #text: string;
  #parts: WireParts | undefined;
  #data: Readonly<Record<string, unknown>> | undefined;
  #nativeTail: string | undefined;

  constructor({ offset, at, stale, earlier, text }: Positioned) {
    this.offset = offset;
    this.at = at;
    this.stale = stale;
    this.earlier = earlier;
    this.#text = text;
  }

  get type(): EventType {
    return this.parts.type;
  }

  get parts(): WireParts {
    this.#parts ??= splitWire(this.#text);
    return this.#parts;
  }

  get data(): Readonly<Record<string, unknown>> {
    this.#data ??= (JSON.parse(`{${this.parts.tail}}`) as { data: Record<string, unknown> }).data;
    return this.#data;
  }

  /** What every native frame of this event ends with, whatever its channel: shared by all groups. */
  get nativeTail(): string {
    if (this.#nativeTail === undefined) {
      const { id, time, tail } = this.parts;
      this.#nativeTail = `"id":${JSON.stringify(id)},"time":${JSON.stringify(time)},${tail}${this.stale ? ',"stale":true}' : "}"}`;
    }
    return this.#nativeTail;
  }
}
