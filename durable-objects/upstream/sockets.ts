/** The sockets to Contabo by dial number: opens, sends, closes, and says what happens to them, each end once. */
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";

export interface SocketsDeps {
  /** The socket, not yet accepted. */
  open(address: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<WebSocket>;
  opened(dial: number): void;
  message(dial: number, message: unknown): void;
  lost(dial: number, why: "refused" | "closed"): void;
}

interface Dial {
  readonly abort: AbortController;
  socket?: WebSocket;
}

export class Sockets {
  readonly #deps: SocketsDeps;
  readonly #dials = new Map<number, Dial>();

  constructor(deps: SocketsDeps) {
    this.#deps = deps;
  }

  dial(number: number, address: string, headers: Readonly<Record<string, string>>): void {
    const dial: Dial = { abort: new AbortController() };
    this.#dials.set(number, dial);
    this.#deps.open(address, headers, dial.abort.signal).then(
      (socket) => this.#connected(number, socket),
      (error: unknown) => {
        if (!this.#dials.delete(number)) return;
        logWarning("upstream.dial.failed", { dial: number, reason: messageOf(error) });
        this.#deps.lost(number, "refused");
      },
    );
  }

  send(number: number, text: string): void {
    try {
      this.#dials.get(number)?.socket?.send(text);
    } catch {
      // Already closing: its close event follows, or its silence is noticed.
    }
  }

  /** What it still says is not listened to. */
  close(number: number): void {
    const dial = this.#dials.get(number);
    this.#dials.delete(number);
    if (dial?.socket === undefined) dial?.abort.abort();
    else quietly(() => dial.socket?.close(1000, "not used any more"));
  }

  closeAll(): void {
    for (const number of [...this.#dials.keys()]) this.close(number);
  }

  #connected(number: number, socket: WebSocket): void {
    const dial = this.#dials.get(number);
    socket.accept();
    // Given up while it was being opened.
    if (dial === undefined) return quietly(() => socket.close(1000, "not used any more"));
    dial.socket = socket;
    const lost = (): void => {
      if (!this.#dials.delete(number)) return;
      // Without an answer the other side waits for our close.
      quietly(() => socket.close(1000));
      this.#deps.lost(number, "closed");
    };
    socket.addEventListener("message", ({ data }) => {
      if (this.#dials.has(number)) this.#deps.message(number, data);
    });
    socket.addEventListener("close", lost);
    socket.addEventListener("error", lost);
    this.#deps.opened(number);
  }
}

/** A socket that is closed already, by whichever side, throws. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Nothing is left to close.
  }
}
