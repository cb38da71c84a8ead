/** The memory of the stand-in: what was created is there, D1 runs SQL, queues keep their consumers. Answers have the shapes the API documents. */
import { DatabaseSync } from "node:sqlite";
import { nameOf, notFound, pageOf } from "./wire.ts";
import type { Answer, Route } from "./wire.ts";

interface Database {
  readonly name: string;
  readonly sql: DatabaseSync;
}

export class Resources {
  readonly databases = new Map<string, Database>();
  readonly namespaces = new Map<string, string>();
  readonly buckets = new Map<string, unknown>();
  readonly queues = new Map<string, { readonly name: string; readonly consumers: Record<string, unknown>[] }>();
  readonly workflows = new Set<string>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  readonly routes: readonly Route[] = [
    [
      "GET",
      /^\/d1\/database$/,
      (_, __, search) =>
        pageOf(
          [...this.databases].map(([uuid, { name }]) => ({ uuid, name })),
          search,
        ),
    ],
    ["POST", /^\/d1\/database$/, (_, { body }) => this.createDatabase(nameOf(body, "name"))],
    [
      "GET",
      /^\/d1\/database\/([^/]+)$/,
      ([, id = ""]) => this.database(id, ({ name }) => ({ result: { uuid: id, name, version: "production" } })),
    ],
    [
      "POST",
      /^\/d1\/database\/([^/]+)\/query$/,
      ([, id = ""], { body }) => this.database(id, ({ sql }) => ({ result: runSql(sql, body) })),
    ],
    [
      "GET",
      /^\/storage\/kv\/namespaces$/,
      (_, __, search) =>
        pageOf(
          [...this.namespaces].map(([id, title]) => ({ id, title })),
          search,
        ),
    ],
    ["POST", /^\/storage\/kv\/namespaces$/, (_, { body }) => this.createNamespace(nameOf(body, "title"))],
    ["GET", /^\/r2\/buckets$/, () => ({ result: { buckets: [...this.buckets.keys()].map((name) => ({ name })) } })],
    ["POST", /^\/r2\/buckets$/, (_, { body }) => this.createBucket(nameOf(body, "name"))],
    [
      "GET",
      /^\/r2\/buckets\/([^/]+)$/,
      ([, name = ""]) => (this.buckets.has(name) ? { result: { name } } : notFound(10_006, "no such bucket")),
    ],
    ["GET", /^\/r2\/buckets\/([^/]+)\/lifecycle$/, ([, name = ""]) => ({ result: this.buckets.get(name) ?? { rules: [] } })],
    ["PUT", /^\/r2\/buckets\/([^/]+)\/lifecycle$/, ([, name = ""], { body }) => (this.buckets.set(name, body), {})],
    ["GET", /^\/queues$/, (_, __, search) => this.listQueues(search)],
    ["POST", /^\/queues$/, (_, { body }) => this.createQueue(nameOf(body, "queue_name"))],
    ["GET", /^\/queues\/([^/]+)\/consumers$/, ([, id = ""]) => ({ result: this.queues.get(id)?.consumers ?? [] })],
    ["POST", /^\/queues\/([^/]+)\/consumers$/, ([, id = ""], { body }) => this.consume(id, body)],
    ["PUT", /^\/queues\/([^/]+)\/consumers\/([^/]+)$/, (_, { body }) => ({ result: body })],
    [
      "GET",
      /^\/workflows\/([^/]+)$/,
      ([, name = ""]) => (this.workflows.has(name) ? { result: { id: name, name } } : notFound(10_200, "workflow not found")),
    ],
    ["PUT", /^\/workflows\/([^/]+)$/, ([, name = ""]) => (this.workflows.add(name), { result: { id: name, version_id: "v" } })],
  ];

  createDatabase(name: string): Answer {
    if ([...this.databases.values()].some((database) => database.name === name))
      return { status: 400, error: { code: 7_502, message: "exists" } };
    const uuid = this.#newId().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    this.databases.set(uuid, { name, sql: new DatabaseSync(":memory:") });
    return { result: { uuid, name } };
  }

  database(id: string, answer: (database: Database) => Answer): Answer {
    const database = this.databases.get(id);
    return database === undefined ? notFound(7_404, "The database could not be found") : answer(database);
  }

  createNamespace(title: string): Answer {
    if ([...this.namespaces.values()].includes(title)) return { status: 400, error: { code: 10_014, message: "exists" } };
    const id = this.#newId();
    this.namespaces.set(id, title);
    return { result: { id, title } };
  }

  createBucket(name: string): Answer {
    if (this.buckets.has(name)) return { status: 409, error: { code: 10_004, message: "exists" } };
    this.buckets.set(name, { rules: [] });
    return { result: { name } };
  }

  listQueues(search: URLSearchParams): Answer {
    const name = search.get("name");
    const found = [...this.queues].filter(([, queue]) => name === null || queue.name === name);
    return pageOf(
      found.map(([queue_id, queue]) => ({ queue_id, queue_name: queue.name, producers: [], consumers: queue.consumers })),
      new URLSearchParams({ per_page: "100" }),
    );
  }

  createQueue(name: string): Answer {
    if ([...this.queues.values()].some((queue) => queue.name === name)) return { status: 409, error: { code: 11_009, message: "exists" } };
    const queue_id = this.#newId();
    this.queues.set(queue_id, { name, consumers: [] });
    return { result: { queue_id, queue_name: name } };
  }

  consume(id: string, body: unknown): Answer {
    const consumer = { consumer_id: this.#newId(), type: "worker", ...(body as object) };
    this.queues.get(id)?.consumers.push(consumer);
    return { result: consumer };
  }
}

function runSql(sql: DatabaseSync, body: unknown): unknown {
  const { sql: text, params = [] } = body as { sql: string; params?: (string | number)[] };
  const results: unknown[] = [];
  if (params.length === 0 && text.includes(";")) sql.exec(text);
  else results.push(...sql.prepare(text).all(...params));
  if (/^\s*SELECT/i.test(text) && params.length === 0 && text.includes(";")) results.push(...sql.prepare(text.replace(/;\s*$/, "")).all());
  return [{ results, success: true, meta: { duration: 0, changes: 0, rows_read: 0, rows_written: 0, served_by: "stand-in" } }];
}
