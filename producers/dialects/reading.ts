/** One foreign record while it is read: values by their path as sent, and the first thing that could not be taken, by its exact path. */
import type { EventType } from "../../schemas/event.ts";
import type { Unit } from "./units.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface Fault {
  /** As sent, from the top of the event: `data.tokens.tokenA.symbol`. */
  readonly path: string;
  readonly message: string;
}

export interface Surroundings {
  readonly envelope: Fields;
  /** Where the record stands in what was sent: "data", or "" when it is the whole. */
  readonly base: string;
  readonly source: string;
  readonly type: EventType;
}

export class Reading {
  fault: Fault | undefined;
  /** The event's `source`, which may name the chain. */
  readonly source: string;
  /** Canonical type of the event. */
  readonly type: EventType;
  readonly #record: Fields;
  readonly #taken = new Set<string>();
  readonly #envelope: Fields;
  readonly #base: string;

  constructor(record: Fields, around: Surroundings) {
    this.#record = record;
    this.#envelope = around.envelope;
    this.#base = around.base;
    this.source = around.source;
    this.type = around.type;
  }

  /** What stands there, or undefined; null is nothing. A path with `^` before it is of the envelope. */
  at(path: string): unknown {
    const [root, steps] = path.startsWith("^") ? [this.#envelope, path.slice(1)] : [this.#record, path];
    let value: unknown = root;
    for (const step of steps.split(".")) {
      if (Array.isArray(value)) value = /^-?\d+$/.test(step) ? value.at(Number(step)) : undefined;
      else value = isFields(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    }
    return value ?? undefined;
  }

  /** Reads one value in its unit. Undefined when it is not there, or is refused. */
  take<T>(path: string, unit: Unit<T>): T | undefined {
    const value = this.at(path);
    if (value === undefined) return undefined;
    this.#taken.add(path);
    const converted = unit.read(value);
    if ("value" in converted) return converted.value;
    this.refuse(path, converted.fault);
    return undefined;
  }

  /** The first of the paths that holds something. */
  takeFirst<T>(paths: readonly string[], unit: Unit<T>): T | undefined {
    const path = this.firstOf(paths);
    return path === undefined ? undefined : this.take(path, unit);
  }

  firstOf(paths: readonly string[]): string | undefined {
    return paths.find((path) => this.at(path) !== undefined);
  }

  refuse(path: string, message: string): void {
    this.fault ??= { path: this.sent(path), message };
  }

  /** What no unit has read, or read in parts only. */
  untaken(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.#record).filter(([name]) => !this.#taken.has(name)));
  }

  /** The same of what the envelope holds besides. */
  untakenOf(beside: Fields): Record<string, unknown> {
    return Object.fromEntries(Object.entries(beside).filter(([name]) => !this.#taken.has(`^${name}`)));
  }

  /** The path from the top of what was sent. */
  sent(path: string): string {
    if (path.startsWith("^")) return path.slice(1);
    return [this.#base, path].filter((part) => part !== "").join(".");
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the record has a field of that name that is not null. */
export function has(record: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => Object.hasOwn(record, name) && record[name] !== null && record[name] !== undefined);
}
