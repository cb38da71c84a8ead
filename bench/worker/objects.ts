/** Counts what objects do to their own storage, on the prototypes the runtime hands out: every statement, alarm and key of every object
 *  passes there, whoever writes it. */
import { statementName } from "../cost/billing.ts";
import { add, markAwake } from "./tally.ts";

type Method = (this: object, ...args: unknown[]) => unknown;

interface Cursor {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

interface OpenCursor {
  readonly cursor: Cursor;
  readonly statement: string;
  read: number;
}

interface Owner {
  readonly className: string;
  readonly id: string;
  /** SELECTs count their rows as they are read, and only their own object may look: each is looked at again a few statements later. */
  readonly open: OpenCursor[];
}

/** Rows read of the last few statements of each object stay uncounted: they cost a thousandth of a written one. */
const openMax = 8;
const owners = new WeakMap<object, Owner>();
/** A label sticks to the runtime's own wrapper objects: they must not be collected and made anew. */
const kept = new Set<object>();
let patched = false;

/** Call before the class's own constructor runs: it already writes. */
export function countStorage(className: string, ctx: DurableObjectState): void {
  const owner: Owner = { className, id: ctx.id.toString(), open: [] };
  for (const part of [ctx.storage, ctx.storage.sql]) {
    owners.set(part, owner);
    kept.add(part);
  }
  if (patched) return;
  patched = true;
  patch(ctx.storage.sql, "exec", countStatement);
  // An alarm set is one row written (Cloudflare's pricing page), as is each key of the key-value API.
  patch(ctx.storage, "setAlarm", (result, owner) => countRow(owner, "setAlarm", result));
  patch(ctx.storage, "deleteAlarm", (result, owner) => countRow(owner, "deleteAlarm", result));
  patch(ctx.storage, "put", (result, owner) => countRow(owner, "put", result));
  patch(ctx.storage, "delete", (result, owner) => countRow(owner, "delete", result));
}

/** Counts each call of a handler that the platform itself invokes. */
export function countHandler(prototype: object, className: string, handler: string): void {
  const real = Reflect.get(prototype, handler) as Method | undefined;
  if (real === undefined) return;
  Reflect.set(prototype, handler, function counted(this: { ctx: DurableObjectState }, ...args: unknown[]) {
    add(`${handler === "alarm" ? "object" : "socket"}.${className}.${handler}`);
    markAwake(className, this.ctx.id.toString());
    return Reflect.apply(real, this, args);
  });
}

type After = (result: unknown, owner: Owner, args: readonly unknown[]) => unknown;

function patch(instance: object, method: string, after: After): void {
  const prototype: object = Object.getPrototypeOf(instance);
  const real = Reflect.get(prototype, method) as Method;
  Reflect.set(prototype, method, function counted(this: object, ...args: unknown[]) {
    const owner = owners.get(this);
    const result: unknown = Reflect.apply(real, this, args);
    if (owner === undefined) throw new Error(`${method} of an object that is not counted`);
    markAwake(owner.className, owner.id);
    return after(result, owner, args);
  });
}

function countRow({ className }: Owner, what: string, result: unknown): unknown {
  add(`rows.written.${className}.${what}`);
  return result;
}

/** A write is done when `exec` returns, a SELECT when it was read to its end. */
function countStatement(result: unknown, owner: Owner, [sql]: readonly unknown[]): unknown {
  const cursor = result as Cursor;
  const statement = statementName(String(sql));
  add(`rows.written.${owner.className}.${statement}`, cursor.rowsWritten);
  for (const entry of owner.open) {
    const { rowsRead } = entry.cursor;
    add(`rows.read.${owner.className}.${entry.statement}`, rowsRead - entry.read);
    entry.read = rowsRead;
  }
  owner.open.push({ cursor, statement, read: 0 });
  if (owner.open.length > openMax) owner.open.shift();
  return result;
}
