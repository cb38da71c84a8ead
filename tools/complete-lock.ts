/** Completes package-lock.json after `npm install` against a registry that lacks other platforms' builds; `--check` only looks. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./environment.ts";
import { completed, missingBuilds } from "./lock.ts";
import type { Lock } from "./lock.ts";
import { readText } from "./tree.ts";

const name = "package-lock.json";
const lock = JSON.parse(readText(name)) as Lock;
const missing = missingBuilds(lock);
const check = process.argv.includes("--check");
for (const build of missing) console.log(`${check ? "missing" : "added"}: ${build.name}@${build.version}`);
if (check && missing.length > 0) {
  console.log("`npm ci` refuses this lock: run `node_modules/.bin/node tools/complete-lock.ts`");
  process.exitCode = 1;
}
if (!check && missing.length > 0) writeFileSync(join(root, name), `${JSON.stringify(completed(lock), null, 2)}\n`);
