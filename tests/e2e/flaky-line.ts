/** A line to the edge that can be cut: a TCP proxy that destroys its connections, refuses new ones until it is mended, or goes silent. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class FlakyLine {
  readonly port: number;
  /** Connections that reached the edge. */
  opened = 0;
  /** Connections that were ended by the cut before the edge had said a word on them. */
  unanswered = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #asking = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server, port: number, edgePort: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (near) => this.#join(near, edgePort));
  }

  static async to(edgePort: number): Promise<FlakyLine> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new FlakyLine(server, address.port, edgePort);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.#isCut = true;
    this.unanswered += this.#asking.size;
    this.#asking.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Nothing gets through any more, and nobody is told. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(near: Socket, edgePort: number): void {
    if (this.#isCut) {
      near.destroy();
      this.unanswered += 1;
      return;
    }
    this.opened += 1;
    const far = connect(edgePort, "127.0.0.1");
    this.#asking.add(near);
    for (const ended of [near, far]) ended.once("close", () => this.#asking.delete(near));
    far.once("data", () => this.#asking.delete(near));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
