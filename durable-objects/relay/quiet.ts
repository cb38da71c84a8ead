/** Since when a view has been quiet: from `prev`, its last matching offset or one after it, nothing was for it. A client that stands in a
 *  quiet span has missed nothing, even when the log that would prove it is long gone. Spans are facts about the stream, so they outlive
 *  groups, sleep and restarts; the least recently left are forgotten first. */
import type { Position } from "../../channels/recovery.ts";

export interface QuietSpan {
  readonly epoch: string;
  readonly prev: number;
  /** Where the span was last seen to reach; undefined while somebody listens: then it reaches to where the stream stands. */
  readonly until: number | undefined;
}

export interface QuietStore {
  quietSpans(): { readonly view: string; readonly span: QuietSpan }[];
  saveQuiet(view: string, span: QuietSpan): void;
  dropQuiet(view: string): void;
}

export interface QuietBounds {
  readonly viewsMax: number;
  /** A shorter span needs no note: the log reaches back over it. */
  readonly eventsMin: number;
}

export class QuietViews {
  readonly #store: QuietStore;
  readonly #bounds: QuietBounds;
  readonly #spans: Map<string, QuietSpan>;

  constructor(store: QuietStore, bounds: QuietBounds) {
    this.#store = store;
    this.#bounds = bounds;
    this.#spans = new Map(store.quietSpans().map(({ view, span }) => [view, span]));
  }

  /** After a sleep: since when a view that is listened to has been quiet. */
  prevOf(view: string, { epoch, offset }: Position): number {
    const span = this.#spans.get(view);
    return span?.epoch === epoch && span.until === undefined ? Math.min(span.prev, offset) : offset;
  }

  /** Written together with the stream's own position, so that both are of the same moment; seldom, as a busy view has no long span. */
  keep(view: string, prev: number, at: Position): void {
    const known = this.#spans.get(view);
    if (at.offset - prev < this.#bounds.eventsMin) return this.#drop(view);
    if (known?.prev === prev && known.epoch === at.epoch && known.until === undefined) return;
    this.#save(view, { epoch: at.epoch, prev, until: undefined });
  }

  /** The last listener has left. */
  end(view: string, prev: number, at: Position): void {
    if (at.offset - prev < this.#bounds.eventsMin) return this.#drop(view);
    this.#save(view, { epoch: at.epoch, prev, until: at.offset });
    if (this.#spans.size <= this.#bounds.viewsMax) return;
    for (const [oldest, { until }] of this.#spans) if (until !== undefined) return this.#drop(oldest);
  }

  /** The offset up to which the view holds nothing beyond `since`, as far as is known from those who left. */
  upTo(view: string, { epoch, offset }: Position): number {
    const span = this.#spans.get(view);
    const isWithin = span?.until !== undefined && span.epoch === epoch && span.prev <= offset && offset < span.until;
    return isWithin ? span.until : offset;
  }

  #save(view: string, span: QuietSpan): void {
    this.#spans.delete(view);
    this.#spans.set(view, span);
    this.#store.saveQuiet(view, span);
  }

  #drop(view: string): void {
    if (this.#spans.delete(view)) this.#store.dropQuiet(view);
  }
}
