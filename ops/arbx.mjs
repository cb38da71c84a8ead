#!/usr/bin/env node
// `arbx <command>` from anywhere, after `npm link`: what `npm run arbx --` does, with file names relative to where it was called.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.env.INIT_CWD = process.cwd();
process.argv.splice(2, 0, join(dirname(fileURLToPath(import.meta.url)), "index.ts"));
await import("../tools/run.mjs");
