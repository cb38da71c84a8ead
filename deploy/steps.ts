/** What one run does, step by step; each says what it would do, does it unless it is a dry run, and is safe to run again. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleWorker } from "../demo/edge/bundle.ts";
import type { CloudflareApi } from "./api.ts";
import { deployConfig } from "./config.ts";
import type { RawConfig } from "./config.ts";
import type { Settings } from "./environment.ts";
import { fingerprint } from "./fingerprint.ts";
import { lifecycleRules, outdatedRules } from "./lifecycle.ts";
import { keyOf, missing, nameIn, resourcesOf } from "./resources.ts";
import type { Existing, Kind } from "./resources.ts";
import { smoke, smokeChecks } from "./smoke.ts";
import type { Patience } from "./smoke.ts";
import { wrangler } from "./wrangler.ts";

export interface Run {
  readonly root: string;
  readonly base: RawConfig;
  readonly settings: Settings;
  readonly api: CloudflareApi;
  readonly dryRun: boolean;
  /** Where the deployed edge answers, if not at the address it is given. */
  readonly url?: string | undefined;
  readonly patience: Patience;
  /** One line for each thing done, or to be done. */
  say(line: string): void;
}

export interface Changes {
  readonly count: number;
}

const nothing: Changes = { count: 0 };

/** Creates what is missing of these kinds. */
export async function setUp(run: Run, kinds: readonly Kind[]): Promise<Changes> {
  const wanted = resourcesOf(run.base, run.settings.environment).filter(({ kind }) => kinds.includes(kind));
  const absent = missing(wanted, await run.api.existing(kinds));
  for (const resource of wanted) if (!absent.includes(resource)) run.say(`keep    ${keyOf(resource)}`);
  for (const resource of absent) {
    run.say(`create  ${keyOf(resource)}`);
    if (!run.dryRun) await run.api.create(resource);
  }
  return { count: absent.length };
}

export async function setLifecycles(run: Run): Promise<Changes> {
  const wanted = lifecycleRules(run.base, run.settings.environment);
  // A dry run may come before the buckets: then there is nothing to compare with.
  const existing = await run.api.existing(["r2"]);
  const outdated = await outdatedRules(
    run.api,
    wanted.filter(({ bucket }) => existing.has(keyOf({ kind: "r2", name: bucket }))),
  );
  const unborn = wanted.filter(({ bucket }) => !existing.has(keyOf({ kind: "r2", name: bucket })));
  for (const { bucket, rules } of [...outdated, ...unborn]) {
    run.say(`rules   r2 ${bucket}: ${rules.map(({ id }) => id).join(", ")}`);
    if (!run.dryRun) await run.api.setLifecycle(bucket, rules);
  }
  return { count: outdated.length + unborn.length };
}

interface Database {
  readonly name: string;
  readonly id: string;
  /** Of its migrations. */
  readonly folder: string;
  /** Of wrangler's configuration. */
  readonly path: string;
}

/** Brings each database to the newest schema; wrangler records in it which migrations it has. */
export async function migrate(run: Run): Promise<Changes> {
  const { base, root, settings } = run;
  const existing = await run.api.existing(["d1", "kv"]);
  const databases = base.d1_databases.map(({ binding, database_name, migrations_dir = "" }) => {
    const name = nameIn(settings.environment, database_name ?? binding);
    return { name, id: existing.get(keyOf({ kind: "d1", name })), folder: join(root, migrations_dir) };
  });
  if (databases.some(({ id }) => id === undefined)) {
    for (const { name } of databases) run.say(`migrate d1 ${name}: all migrations, once it exists`);
    return { count: databases.length };
  }
  return withConfig(run, existing, async (path) => {
    const counts = await Promise.all(databases.map(({ id = "", ...database }) => migrateOne(run, { ...database, id, path })));
    return { count: counts.reduce((sum, count) => sum + count, 0) };
  });
}

/** wrangler applies and records migrations; what it recorded is asked of the database itself, which takes a fraction of the time. */
async function migrateOne({ settings, dryRun, say, api }: Run, { name, id, folder, path }: Database): Promise<number> {
  const applied = await api.appliedMigrations(id);
  const pending = readdirSync(folder)
    .filter((file) => file.endsWith(".sql") && !applied.includes(file))
    .toSorted();
  say(pending.length === 0 ? `keep    schema of d1 ${name}` : `migrate d1 ${name}: ${pending.join(", ")}`);
  if (pending.length > 0 && !dryRun) await wrangler(["d1", "migrations", "apply", name, "--remote", "--config", path], settings.account);
  return pending.length;
}

/** Uploads code and secrets as one version unless that very version serves, asks it whether it works, and goes back to the one before if not. */
export async function release(run: Run): Promise<Changes> {
  const { settings, api, base } = run;
  const worker = nameIn(settings.environment, base.name ?? "worker");
  const existing = await api.existing(["d1", "kv"]);
  if (run.dryRun && missing(resourcesOf(base, settings.environment), await api.existing()).length > 0) {
    run.say(`deploy  ${worker}, once its resources exist`);
    return { count: 1 };
  }
  return withConfig(run, existing, async (path, config) => {
    const before = await api.served(worker);
    const tag = fingerprint(await bundleWorker(join(run.root, base.main)), config, settings);
    if (before?.tag === tag) {
      run.say(`keep    worker ${worker} (${tag})`);
      // It may have been left behind by a run that found it broken.
      requireWorking(worker, run.dryRun ? [] : await smokeTest(run));
      return nothing;
    }
    run.say(`deploy  worker ${worker} (${tag}) with ${Object.keys(settings.secrets).length} secrets`);
    if (run.dryRun) return { count: 1 };
    await upload(run, path, tag);
    await verify(run, worker, { path, before: before?.version });
    return { count: 1 };
  });
}

async function upload({ root, settings }: Run, path: string, tag: string): Promise<void> {
  const folder = mkdtempSync(join(root, ".local", "secrets-"));
  try {
    const file = join(folder, "secrets.json");
    writeFileSync(file, JSON.stringify(settings.secrets), { mode: 0o600 });
    await wrangler(["deploy", "--config", path, "--tag", tag, "--secrets-file", file], settings.account);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Throws when the new version does not work; the one before serves again by then, if there was one. */
async function verify(run: Run, worker: string, { path, before }: { path: string; before: string | undefined }): Promise<void> {
  const problems = await smokeTest(run);
  if (problems.length === 0) return;
  if (before === undefined) return requireWorking(worker, problems);
  run.say(`back    worker ${worker} to ${before}`);
  await wrangler(["rollback", before, "--config", path, "--yes", "--message", "its smoke test failed"], run.settings.account);
  throw new Error(`the new version of ${worker} does not work; the one before (${before}) serves again:${listOf(problems)}`);
}

function requireWorking(worker: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`${worker} does not work, and no version before it is known:${listOf(problems)}`);
}

function listOf(problems: readonly string[]): string {
  return problems.map((problem) => `\n- ${problem}`).join("");
}

/** What is wrong with the deployed edge; empty when nothing is. */
export async function smokeTest(run: Run): Promise<string[]> {
  const url = run.url ?? (await edgeUrl(run));
  const results = await smoke(url, smokeChecks(run.settings), run.patience);
  for (const { name, problem } of results) run.say(`${problem === undefined ? "ok     " : "FAIL   "} ${url}: ${name}`);
  return results.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
}

/** Where users reach the edge: the owner's domain, or its workers.dev address. */
export async function edgeUrl({ settings, api, base }: Run): Promise<string> {
  const { domain, environment } = settings;
  return domain === undefined ? api.workersDevUrl(nameIn(environment, base.name ?? "worker")) : `https://${domain}`;
}

/** wrangler reads its configuration from a file; what it names belongs to one account, so it lies with the local state. */
async function withConfig<T>(run: Run, existing: Existing, work: (path: string, config: object) => Promise<T>): Promise<T> {
  const config = deployConfig(run.base, run.settings, { existing, root: run.root });
  const folder = join(run.root, ".local", "deploy");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run.settings.environment}.json`);
  writeFileSync(path, JSON.stringify(config, null, 2));
  return work(path, config);
}
