/** The Pages project that keeps the seed's addresses alive: it forwards them to the edge by a service binding. Only where EDGE_PAGES_PROJECT names one. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nameIn } from "./resources.ts";
import { edgeUrl } from "./steps.ts";
import type { Changes, Run } from "./steps.ts";
import { wrangler } from "./wrangler.ts";

/** Deployed when the code or what it is bound to differs from what serves. */
export async function deployPages(run: Run): Promise<Changes> {
  const { environment, account, pagesProject } = run.settings;
  if (pagesProject === undefined) return { count: 0 };
  const project = nameIn(environment, pagesProject);
  const code = join(run.root, "deploy", "pages", "_worker.js");
  const config = {
    name: project,
    pages_build_output_dir: "./site",
    compatibility_date: run.base.compatibility_date,
    services: [{ binding: "EDGE", service: nameIn(environment, run.base.name ?? "worker") }],
    vars: { EDGE_URL: await edgeUrl(run) },
  };
  const commit = createHash("sha1").update(JSON.stringify(config)).update(readFileSync(code)).digest("hex");
  const served = await run.api.pagesCommit(project);
  if (served.commit === commit) {
    run.say(`keep    pages ${project}`);
    return { count: 0 };
  }
  run.say(`deploy  pages ${project}, which forwards to ${config.services[0]?.service}`);
  if (run.dryRun) return { count: 1 };
  const folder = join(run.root, ".local", "deploy", `pages-${environment}`);
  mkdirSync(join(folder, "site"), { recursive: true });
  cpSync(code, join(folder, "site", "_worker.js"));
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config, null, 2));
  const pages = (...args: string[]): Promise<string> => wrangler(["pages", ...args, "--cwd", folder], account);
  if (!served.exists) await pages("project", "create", project, "--production-branch", "main");
  await pages("deploy", "--project-name", project, "--branch", "main", "--commit-dirty", "true", "--commit-hash", commit);
  return { count: 1 };
}
