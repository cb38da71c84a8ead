/** Subscribers, held by a thread of their own: reading is their work and must not delay the posts. */
import { Worker } from "node:worker_threads";
import type { Answer, AudienceReport, Calls, Opening, Question } from "./audience-thread.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Audience {
  readonly #worker = new Worker(new URL("./audience-thread.ts", import.meta.url));
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor() {
    this.#worker.on("message", (answer: Answer) => {
      const waiting = this.#waiting.get(answer.call);
      this.#waiting.delete(answer.call);
      if ("error" in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.result);
    });
    this.#worker.on("error", (error: unknown) => this.#fail(new Error("the subscribers' thread failed", { cause: error })));
  }

  /** Resolves when all are subscribed. May be called again, for others beside them. */
  async open(opening: Opening): Promise<void> {
    await this.#ask("open", opening);
  }

  /** Counts since they were opened, delays since the last report. */
  async report(): Promise<AudienceReport> {
    return (await this.#ask("report")) as AudienceReport;
  }

  /** They leave; others may be opened. */
  async close(): Promise<void> {
    await this.#ask("close");
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(method: keyof Calls, opening?: Opening): Promise<unknown> {
    this.#calls += 1;
    const question: Question = { call: this.#calls, method, opening };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(question.call, { resolve, reject });
    this.#worker.postMessage(question);
    return promise;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
