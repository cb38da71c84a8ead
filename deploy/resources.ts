/** Which resources of the account an environment needs, by name: read from wrangler.toml, so that nothing is said twice. */
import type { Environment } from "./environment.ts";

export const kinds = ["d1", "kv", "r2", "queue"] as const;
export type Kind = (typeof kinds)[number];

export interface Resource {
  readonly kind: Kind;
  readonly name: string;
}

/** What of wrangler.toml names resources. */
export interface BaseConfig {
  readonly name?: string | undefined;
  readonly d1_databases: readonly {
    readonly binding: string;
    readonly database_name?: string | undefined;
    readonly migrations_dir?: string | undefined;
  }[];
  readonly kv_namespaces: readonly { readonly binding: string }[];
  readonly r2_buckets: readonly { readonly binding: string; readonly bucket_name?: string | undefined }[];
  readonly queues: {
    readonly producers?: readonly { readonly binding: string; readonly queue: string }[] | undefined;
    readonly consumers?: readonly { readonly queue: string; readonly dead_letter_queue?: string | undefined }[] | undefined;
  };
}

/** Production has the names of the seed; any other environment its own beside them. */
export function nameIn(environment: Environment, name: string): string {
  return environment === "production" ? name : `${name}-${environment}`;
}

/** Namespaces are titled by the Worker and the binding: other projects of the account have an API_CACHE too. */
export function namespaceTitle(environment: Environment, worker: string, binding: string): string {
  return `${nameIn(environment, worker)}-${binding}`;
}

/** Each once, in the order in which they are created: a consumer's queue stands before the Worker that binds it. */
export function resourcesOf(config: BaseConfig, environment: Environment): Resource[] {
  const worker = config.name ?? "worker";
  const { producers = [], consumers = [] } = config.queues;
  const queues = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue }) => (dead_letter_queue === undefined ? [queue] : [queue, dead_letter_queue])),
  ];
  const named: readonly (readonly [Kind, readonly string[]])[] = [
    ["d1", config.d1_databases.map(({ binding, database_name }) => nameIn(environment, database_name ?? binding))],
    ["kv", config.kv_namespaces.map(({ binding }) => namespaceTitle(environment, worker, binding))],
    ["r2", config.r2_buckets.map(({ binding, bucket_name }) => nameIn(environment, bucket_name ?? binding))],
    ["queue", [...new Set(queues)].map((queue) => nameIn(environment, queue))],
  ];
  return named.flatMap(([kind, names]) => names.map((name) => ({ kind, name })));
}

/** Ids of what exists, by kind and name. */
export type Existing = ReadonlyMap<string, string>;

export function keyOf({ kind, name }: Resource): string {
  return `${kind} ${name}`;
}

/** What must still be created. */
export function missing(wanted: readonly Resource[], existing: Existing): Resource[] {
  return wanted.filter((resource) => !existing.has(keyOf(resource)));
}
