/** `npm run check`: everything a machine can see without running the code, in seconds. Each step is one command that also runs alone. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./environment.ts";
import { renderResult, runSteps } from "./steps.ts";
import type { Step, StepResult } from "./steps.ts";

const steps: readonly Step[] = [
  { name: "format", command: ["oxfmt", "--check", "."] },
  { name: "lint", command: ["oxlint"] },
  { name: "types of the Worker", command: ["tsc", "-p", "."] },
  { name: "types of demo, bench, tools and end-to-end tests", command: ["tsc", "-p", "tsconfig.node.json"] },
  { name: "types of the SDK, with what browsers have and no more", command: ["tsc", "-p", "tsconfig.sdk.json"] },
  {
    name: "generated binding types are current",
    command: ["wrangler", "types", "--check", "--env-file=.dev.vars.example", "--include-runtime=false"],
  },
  { name: "the lock file names every platform's builds", command: [process.execPath, "tools/complete-lock.ts", "--check"] },
  { name: "documents cite what exists", command: [process.execPath, "tools/check-docs.ts"] },
  { name: "the seed is fulfilled or marked", command: [process.execPath, "tools/check-seed.ts"] },
  ...optional("tools/export-schemas.ts", "exported JSON Schemas are current", "--check"),
  ...optional("tools/export-asyncapi.ts", "the AsyncAPI document is current", "--check"),
  ...optional("tools/export-openapi.ts", "the OpenAPI document is current and names every route", "--check"),
  ...optional("tools/export-dialects.ts", "the table of dialects is current", "--check"),
];

function optional(script: string, name: string, ...args: string[]): Step[] {
  return existsSync(join(root, script)) ? [{ name, command: [process.execPath, script, ...args] }] : [];
}

export async function check(): Promise<StepResult[]> {
  const results = await runSteps(steps);
  for (const result of results) console.log(renderResult(result));
  return results;
}

if (import.meta.main) {
  const results = await check();
  const failed = results.filter((result) => !result.passed).length;
  if (failed > 0) console.log(`${failed} of ${results.length} checks failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
