/** The Worker's bindings, each behind a proxy that counts what Cloudflare would bill for a call and passes it on unchanged. */
import { utf8Bytes } from "../../platform/bytes.ts";
import { queueUnits, statementName } from "../cost/billing.ts";
import { add, markAwake } from "./tally.ts";

type Call = (...args: unknown[]) => unknown;

const wrapped = new WeakMap<object, Env>();

/** The same counted environment for the same environment: configuration is cached by it. */
export function countBindings(env: Env): Env {
  const known = wrapped.get(env);
  if (known !== undefined) return known;
  const counted: Env = {
    ...env,
    CHANNELS: countNamespace(env.CHANNELS, "Channel"),
    RELAYS: countNamespace(env.RELAYS, "Relay"),
    INBOX: countQueue(env.INBOX, "inbox"),
    HOT_CACHE: countQueue(env.HOT_CACHE, "hot-cache"),
    EVENT_LOG: countQueue(env.EVENT_LOG, "event-log"),
    DEAD_LETTER: countQueue(env.DEAD_LETTER, "dead-letter"),
    OPPORTUNITIES_DB: countDatabase(env.OPPORTUNITIES_DB),
    STRATEGIES_DB: countDatabase(env.STRATEGIES_DB),
    METRICS_DB: countDatabase(env.METRICS_DB),
    SESSIONS_DB: countDatabase(env.SESSIONS_DB),
    EDGE_LOGS: countBucket(env.EDGE_LOGS, "EDGE_LOGS"),
    CONFIG_CACHE: countKv(env.CONFIG_CACHE, "CONFIG_CACHE"),
  };
  wrapped.set(env, counted);
  return counted;
}

/** `target`, with some methods replaced; the others keep their own `this`. */
function replace<T extends object>(target: T, methods: Readonly<Record<string, (call: Call) => Call>>): T {
  return new Proxy(target, {
    get(_, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== "function") return value;
      const call: Call = (...args) => Reflect.apply(value, target, args);
      return (typeof property === "string" ? methods[property] : undefined)?.(call) ?? call;
    },
  });
}

function countNamespace<T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  className: string,
): DurableObjectNamespace<T> {
  return replace(namespace, { get: (call) => (id, options) => countStub(call(id, options) as object, className, String(id)) });
}

/** A stub answers any name: each call of one is a request, whether it is an RPC or a fetch. */
function countStub(stub: object, className: string, id: string): object {
  return new Proxy(stub, {
    get(_, property) {
      const value: unknown = Reflect.get(stub, property);
      if (typeof value !== "function" || typeof property !== "string") return value;
      return (...args: unknown[]): unknown => {
        add(`object.${className}.${property}`);
        markAwake(className, id);
        return Reflect.apply(value, stub, args);
      };
    },
  });
}

function countQueue<T>(queue: Queue<T>, name: string): Queue<T> {
  const count = (body: unknown): void => {
    add(`queue.${name}.write`, queueUnits(body));
    add(`info.${name}.bytes`, utf8Bytes(typeof body === "string" ? body : JSON.stringify(body)));
  };
  return replace(queue, {
    send: (call) => (body, options) => {
      count(body);
      return call(body, options);
    },
    sendBatch: (call) => (messages, options) => {
      const all = [...(messages as Iterable<MessageSendRequest>)];
      for (const { body } of all) count(body);
      return call(all, options);
    },
  });
}

/** What a consumer's batch costs: a read and a delete for a message that comes for the first time, a read for one that comes again. */
export function countBatch({ queue, messages }: MessageBatch): void {
  const name = queue.replace(/^arbitragex-/, "");
  add("worker.queue");
  add(`info.${name}.batches`);
  for (const { body, attempts } of messages) {
    const units = queueUnits(body);
    add(`queue.${name}.${attempts === 1 ? "read" : "retry"}`, units);
    if (attempts === 1) add(`queue.${name}.delete`, units);
  }
}

function countBucket(bucket: R2Bucket, name: string): R2Bucket {
  const counting =
    (kind: "a" | "b", operation: string) =>
    (call: Call): Call =>
    (...args) => {
      add(`r2.${kind}.${name}.${operation}`);
      return call(...args);
    };
  return replace(bucket, {
    put: counting("a", "put"),
    list: counting("a", "list"),
    createMultipartUpload: counting("a", "multipart"),
    get: counting("b", "get"),
    head: counting("b", "head"),
  });
}

function countKv(namespace: KVNamespace, name: string): KVNamespace {
  const counting =
    (kind: "read" | "write") =>
    (call: Call): Call =>
    (...args) => {
      add(`kv.${kind}.${name}`);
      return call(...args);
    };
  return replace(namespace, { get: counting("read"), put: counting("write") });
}

/** `batch` wants the runtime's own statements back. */
const realStatements = new WeakMap<object, D1PreparedStatement>();

function countDatabase(database: D1Database): D1Database {
  return replace(database, {
    prepare: (call) => (sql) => countPrepared(call(sql) as D1PreparedStatement, String(sql)),
    batch: (call) => async (statements) => {
      const counted = statements as readonly D1PreparedStatement[];
      const results = (await call(counted.map((statement) => realStatements.get(statement) ?? statement))) as D1Result[];
      for (const { meta } of results) countMeta(meta, "batch");
      return results;
    },
  });
}

function countPrepared(statement: D1PreparedStatement, sql: string): D1PreparedStatement {
  const name = statementName(sql);
  const all = async (): Promise<D1Result<Record<string, unknown>>> => {
    const result = await statement.all<Record<string, unknown>>();
    countMeta(result.meta, name);
    return result;
  };
  const counted = replace(statement, {
    bind:
      (call) =>
      (...values) =>
        countPrepared(call(...values) as D1PreparedStatement, sql),
    run: () => all,
    all: () => all,
    // `first` comes without figures: it is the first row of all.
    first: () => async (column) => {
      const [row] = (await all()).results;
      return row === undefined ? null : typeof column === "string" ? row[column] : row;
    },
  });
  realStatements.set(counted, statement);
  return counted;
}

function countMeta({ rows_written: written, rows_read: read }: D1Meta, name: string): void {
  add(`d1.written.${name}`, written);
  add(`d1.read.${name}`, read);
}
