// `node tools/run.mjs <script.ts> [args]`: installs what package-lock.json names, if it is not installed yet, then runs the script on
// the Node of node_modules. Plain JavaScript without imports from npm, because it has to work on Node 20 in a fresh clone.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".arbx-lock");

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function isInstalled(hash) {
  if (!existsSync(nodePath())) return false;
  return (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) || isInstalledByHand();
}

/** Somebody ran npm themselves: npm's own record of what it installed then names every version of package-lock.json that fits this
 *  machine. Packages for other platforms are optional and absent. */
function isInstalledByHand() {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => path === "" || optional || installed[path]?.version === version);
}

function nodePath() {
  return join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
}

function install(hash) {
  console.log("Dependencies are missing or older than package-lock.json: npm ci");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status, error } = spawnSync(npm, ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stamp, hash);
}

function run(script, args) {
  const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, WRANGLER_SEND_METRICS: "false" };
  const child = spawn(nodePath(), [script, ...args], { cwd: root, stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // A terminal sends Ctrl-C to the whole group, the child included: then only wait for it. A kill reaches us alone.
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error("usage: node tools/run.mjs <script.ts> [args]");
  process.exit(2);
}
const hash = lockHash();
if (!isInstalled(hash)) install(hash);
run(script, args);
