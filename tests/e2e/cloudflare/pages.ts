/** Pages in the stand-in: projects and their deployments. */
import { nameOf, notFound } from "./wire.ts";
import type { Answer, Route } from "./wire.ts";

export class Pages {
  readonly projects = new Map<
    string,
    { readonly id: string; readonly commit: string; readonly form: Readonly<Record<string, string>> }[]
  >();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  readonly routes: readonly Route[] = [
    [
      "POST",
      /^\/pages\/projects$/,
      (_, { body }) => (this.projects.set(nameOf(body, "name"), []), { result: pagesProject(nameOf(body, "name")) }),
    ],
    [
      "GET",
      /^\/pages\/projects\/([^/]+)$/,
      ([, name = ""]) => (this.projects.has(name) ? { result: pagesProject(name) } : notFound(8_000_007, "no such project")),
    ],
    ["GET", /^\/pages\/projects\/([^/]+)\/upload-token$/, () => ({ result: { jwt: uploadToken } })],
    ["POST", /^\/pages\/assets\/(check-missing|upload|upsert-hashes)$/, () => ({ result: [] })],
    ["GET", /^\/pages\/projects\/([^/]+)\/deployments$/, ([, name = ""]) => this.deploymentsOf(name)],
    ["POST", /^\/pages\/projects\/([^/]+)\/deployments$/, ([, name = ""], { body }) => this.deploy(name, body)],
    ["GET", /^\/pages\/projects\/([^/]+)\/deployments\/([^/]+)$/, ([, , id = ""]) => ({ result: pagesDeployment(id, "") })],
  ];

  deploymentsOf(name: string): Answer {
    const deployments = this.projects.get(name);
    if (deployments === undefined) return notFound(8_000_007, "Project not found");
    return { result: deployments.map(({ id, commit }) => pagesDeployment(id, commit)).toReversed() };
  }

  deploy(name: string, body: unknown): Answer {
    const form = body as Readonly<Record<string, string>>;
    const deployment = { id: this.#newId(), commit: form["commit_hash"] ?? "", form };
    this.projects.get(name)?.push(deployment);
    return { result: pagesDeployment(deployment.id, deployment.commit) };
  }
}

/** A JWT whose only claim is that it has not expired. */
const uploadToken = `e30.${Buffer.from(JSON.stringify({ exp: 4_102_444_800 })).toString("base64url")}.x`;

function pagesProject(name: string): Record<string, unknown> {
  return { name, subdomain: `${name}.pages.dev`, production_branch: "main", deployment_configs: { production: {}, preview: {} } };
}

function pagesDeployment(id: string, commit: string): Record<string, unknown> {
  return {
    id,
    url: "https://x.pages.dev",
    environment: "production",
    latest_stage: { name: "deploy", status: "success" },
    deployment_trigger: { type: "ad_hoc", metadata: { commit_hash: commit } },
  };
}
