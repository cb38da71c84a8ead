/** Runs the pinned wrangler as a child: bounded in time, its output kept for the error. The token reaches it by the environment, never by an argument. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { environment, root } from "../tools/environment.ts";
import type { Account } from "./environment.ts";

const timeoutMs = 5 * 60_000;
/** Of what it printed, at the end: that is where it says why. */
const shownChars = 4_000;

export class WranglerError extends Error {
  constructor(args: readonly string[], output: string) {
    super(`wrangler ${args.slice(0, 3).join(" ")} failed:\n${output.slice(-shownChars).trim()}`);
    this.name = "WranglerError";
  }
}

/** Answers what it printed. Throws WranglerError. */
export function wrangler(args: readonly string[], account: Account): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(join(root, "node_modules/.bin/wrangler"), args, {
      cwd: root,
      env: { ...environment, CI: "1", NO_COLOR: "1", CLOUDFLARE_API_TOKEN: account.apiToken, CLOUDFLARE_ACCOUNT_ID: account.id },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
    });
    const collect = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => reject(new WranglerError(args, error.message)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new WranglerError(args, signal === null ? output : `${output}\nended by ${signal}`));
    });
  });
}
