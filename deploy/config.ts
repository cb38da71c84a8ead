/** The configuration that wrangler deploys: wrangler.toml with the environment's names, ids and variables. Written beside the local state, never
 *  committed: it names resources of one account. */
import { keyOf, nameIn, namespaceTitle } from "./resources.ts";
import type { BaseConfig, Existing } from "./resources.ts";
import type { Settings } from "./environment.ts";

type Table = Readonly<Record<string, unknown>>;

/** What wrangler.toml says, as parsed from the file: only what stands there, not wrangler's defaults. */
export interface RawConfig extends Table, BaseConfig {
  readonly main: string;
  readonly compatibility_date: string;
  readonly workflows?: readonly { readonly name: string }[];
  readonly ratelimits?: readonly Table[];
}

/** `root` is where paths of wrangler.toml lead from. Throws for a resource that does not exist. */
export function deployConfig(base: RawConfig, settings: Settings, { existing, root }: { existing: Existing; root: string }): Table {
  const { environment } = settings;
  const named = (name: string): string => nameIn(environment, name);
  const worker = base.name ?? "worker";
  const idOf = (kind: "d1" | "kv", name: string): string => {
    const id = existing.get(keyOf({ kind, name }));
    if (id === undefined) throw new Error(`${kind} ${name} does not exist: run deploy/setup-${kind}.sh`);
    return id;
  };
  return {
    ...base,
    $schema: undefined,
    name: named(worker),
    main: `${root}/${base.main}`,
    account_id: settings.account.id,
    vars: settings.vars,
    workers_dev: settings.domain === undefined,
    ...(settings.domain === undefined ? {} : { routes: [{ pattern: settings.domain, custom_domain: true }] }),
    d1_databases: base.d1_databases.map((database) => {
      const name = named(database.database_name ?? database.binding);
      return {
        ...database,
        database_name: name,
        database_id: idOf("d1", name),
        migrations_dir: `${root}/${database.migrations_dir ?? ""}`,
      };
    }),
    kv_namespaces: base.kv_namespaces.map(({ binding }) => ({ binding, id: idOf("kv", namespaceTitle(environment, worker, binding)) })),
    r2_buckets: base.r2_buckets.map((bucket) => ({ ...bucket, bucket_name: named(bucket.bucket_name ?? bucket.binding) })),
    queues: {
      producers: (base.queues.producers ?? []).map((producer) => ({ ...producer, queue: named(producer.queue) })),
      consumers: (base.queues.consumers ?? []).map((consumer) => ({
        ...consumer,
        queue: named(consumer.queue),
        ...(consumer.dead_letter_queue === undefined ? {} : { dead_letter_queue: named(consumer.dead_letter_queue) }),
      })),
    },
    ...(base.workflows === undefined ? {} : { workflows: base.workflows.map((workflow) => ({ ...workflow, name: named(workflow.name) })) }),
  };
}
