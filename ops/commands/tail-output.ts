/** Events arrive whether or not stdout takes them: held up to a bound, and beyond it the hole is said. */
import type { Session } from "../cli.ts";
import type { Colors } from "../output.ts";
import { renderEventJson, type Tailed } from "./tail-lines.ts";

/** Some megabytes of lines. */
const heldMax = 10_000;

export class Lines {
  readonly #session: Session;
  #written: Promise<void> = Promise.resolve();
  #held = 0;
  #dropped = 0;
  #isOver = false;

  constructor(session: Session) {
    this.#session = session;
  }

  event(event: Tailed, render: (event: Tailed, colors: Colors) => string): void {
    if (this.#isOver) return;
    if (this.#held >= heldMax) {
      this.#dropped += 1;
      return;
    }
    const { output } = this.#session;
    this.#tellDropped();
    this.#write(() => output.raw(`${output.json ? renderEventJson(event) : render(event, output.colors)}\n`));
  }

  notice(kind: string, text: string, fields: object): void {
    if (this.#isOver) return;
    const { output } = this.#session;
    this.#write(() => output.note(output.json ? JSON.stringify({ notice: kind, ...fields }) : `-- ${text}`));
  }

  /** Takes no more. */
  end(): void {
    this.#tellDropped();
    this.#isOver = true;
  }

  /** Resolves when all is out. */
  written(): Promise<void> {
    return this.#written;
  }

  #tellDropped(): void {
    const dropped = this.#dropped;
    if (dropped === 0) return;
    this.#dropped = 0;
    this.notice("dropped", `HOLE: ${dropped} events came faster than the output took them`, { dropped });
  }

  #write(write: () => Promise<void>): void {
    this.#held += 1;
    this.#written = this.#written.then(write).finally(() => {
      this.#held -= 1;
    });
  }
}
