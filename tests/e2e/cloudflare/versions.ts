/** The versions of the Worker in the stand-in: what was uploaded, with its secrets, and which version serves. */
import { notFound } from "./wire.ts";
import type { Answer, Route } from "./wire.ts";

interface Version {
  readonly id: string;
  readonly tag: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export class Versions {
  readonly all: Version[] = [];
  readonly secrets = new Set<string>();
  served: string | undefined;
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  readonly routes: readonly Route[] = [
    ["GET", /^\/workers\/subdomain$/, () => ({ result: { subdomain: "stand-in" } })],
    [
      "GET",
      /^\/workers\/services\/([^/]+)$/,
      ([, id]) => this.worker({ id, default_environment: { environment: "production", script: { last_deployed_from: "wrangler" } } }),
    ],
    [
      "GET",
      /^\/workers\/workers\/([^/]+)$/,
      ([, id]) =>
        this.worker({ id, name: id, subdomain: { enabled: true, previews_enabled: false }, observability: { enabled: true }, tags: [] }),
    ],
    ["GET", /^\/workers\/scripts$/, () => ({ result: [] })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/(settings|script-settings)$/, () => this.worker({ bindings: [], migration_tag: null })],
    ["PATCH", /^\/workers\/scripts\/([^/]+)\/(settings|script-settings)$/, () => ({ result: {} })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/secrets$/, () => ({ result: [...this.secrets].map((name) => ({ name, type: "secret_text" })) })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/deployments$/, () => this.worker({ deployments: this.deployments() })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/deployments$/, (_, { body }) => this.deploy(body)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/, ([, , id = ""]) => this.version(id)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/versions$/, () => ({ result: { items: this.all.map((version) => describe(version)) } })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/versions$/, (_, { body }) => this.upload(body, false)],
    ["PUT", /^\/workers\/scripts\/([^/]+)$/, (_, { body }) => this.upload(body, true)],
    ["GET", /^\/workers\/scripts\/([^/]+)\/subdomain$/, () => ({ result: { enabled: true, previews_enabled: false } })],
    ["POST", /^\/workers\/scripts\/([^/]+)\/subdomain$/, () => ({ result: { enabled: true, previews_enabled: false } })],
    ["GET", /^\/workers\/scripts\/([^/]+)\/schedules$/, () => ({ result: { schedules: [] } })],
    ["PUT", /^\/workers\/scripts\/([^/]+)\/schedules$/, () => ({ result: { schedules: [] } })],
  ];

  worker(result: unknown): Answer {
    return this.all.length === 0 ? notFound(10_007, "This Worker does not exist on your account.") : { result };
  }

  deployments(): unknown[] {
    return this.served === undefined ? [] : [{ id: "d", strategy: "percentage", versions: [{ version_id: this.served, percentage: 100 }] }];
  }

  deploy(body: unknown): Answer {
    const { versions } = body as { versions: { version_id: string }[] };
    this.served = versions[0]?.version_id;
    return { result: { id: this.#newId() } };
  }

  version(id: string): Answer {
    const version = this.all.find((each) => each.id === id);
    return version === undefined ? notFound(10_002, "no such version") : { result: describe(version) };
  }

  upload(body: unknown, serves: boolean): Answer {
    const form = body as Readonly<Record<string, string>>;
    const metadata = JSON.parse(form["metadata"] ?? "{}") as Record<string, unknown>;
    const annotations = metadata["annotations"] as Record<string, string> | undefined;
    const version: Version = {
      id: this.#newId().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      tag: annotations?.["workers/tag"],
      metadata,
    };
    this.all.push(version);
    for (const binding of (metadata["bindings"] ?? []) as { type: string; name: string }[])
      if (binding.type === "secret_text") this.secrets.add(binding.name);
    if (serves) this.served = version.id;
    return { result: { id: version.id, deployment_id: version.id, entry_point: "worker.js", startup_time_ms: 5, ...describe(version) } };
  }
}

function describe({ id, tag, metadata }: Version): Record<string, unknown> {
  return {
    id,
    number: 1,
    metadata: {},
    annotations: tag === undefined ? {} : { "workers/tag": tag },
    resources: { script: {}, script_runtime: {}, bindings: metadata["bindings"] ?? [] },
  };
}
