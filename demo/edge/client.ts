/** The edge as the demo sees it: an address, its variables, and questions to its stores, answered by the edge's own thread. */
import { Worker } from "node:worker_threads";
import type { CachedRow } from "../ledger.ts";
import type { EdgeOptions } from "./edge.ts";
import type { LogReading, WantedRows } from "./stores.ts";
import type { Answer, Calls, Question } from "./thread.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class EdgeClient {
  readonly url: URL;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly #thread: EdgeThread;

  private constructor(thread: EdgeThread, { url, variables }: ReturnType<Calls["start"]>) {
    this.#thread = thread;
    this.url = new URL(url);
    this.variables = variables;
  }

  static async start(options: EdgeOptions): Promise<EdgeClient> {
    const thread = new EdgeThread(options);
    try {
      return new EdgeClient(thread, (await thread.ask("start")) as ReturnType<Calls["start"]>);
    } catch (error) {
      await thread.end();
      throw error;
    }
  }

  async readCache(wanted: WantedRows): Promise<readonly CachedRow[]> {
    return (await this.#thread.ask("readCache", wanted)) as readonly CachedRow[];
  }

  async followLog(): Promise<readonly string[]> {
    return (await this.#thread.ask("followLog")) as readonly string[];
  }

  async readWholeLog(): Promise<LogReading> {
    return (await this.#thread.ask("readWholeLog")) as LogReading;
  }

  async stop(): Promise<void> {
    await this.#thread.ask("stop");
    await this.#thread.end();
  }
}

/** One question at a time or many: answers find theirs by number. */
class EdgeThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(options: EdgeOptions) {
    this.#worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: options });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (error: unknown) => this.#fail(new Error("the edge's thread failed", { cause: error })));
    this.#worker.on("exit", () => this.#fail(new Error("the edge's thread has ended")));
  }

  ask(method: keyof Calls, wanted: WantedRows = {}): Promise<unknown> {
    this.#calls += 1;
    const question: Question = { call: this.#calls, method, wanted };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(question.call, { resolve, reject });
    this.#worker.postMessage(question);
    return promise;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if ("error" in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
