/** `arbx deploy`: runs deploy/index.ts with the same parts and options, on this terminal, and ends as it ends. */
import { join } from "node:path";
import { Argument, Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { wholeNumber } from "./arguments.ts";

const parts = ["all", "d1", "kv", "r2", "queues", "worker", "pages", "smoke"] as const;

interface DeployOptions {
  readonly env: string;
  readonly dryRun?: boolean;
  readonly url?: string;
  readonly wait: number;
}

export function registerDeploy(program: Command, cli: Cli): void {
  program
    .command("deploy")
    .description("creates what the edge needs in a Cloudflare account, and deploys it")
    .addArgument(new Argument("<part>", "what of it").choices(parts))
    .addOption(new Option("--env <name>", "which environment").choices(["staging", "production"]).default("staging"))
    .option("--dry-run", "print what would be done and change nothing")
    .option("--url <address>", "where the deployed edge answers, if not at its own address")
    .option("--wait <seconds>", "how long a check may take to hold", wholeNumber(0, 9_999), 60)
    .addHelpText(
      "after",
      "\nReads .env and .env.<environment>, see .env.example. Each part may be run again: what is done stays.\nExample: arbx deploy all --env staging --dry-run",
    )
    .action(async (part: string, options: DeployOptions) => {
      const { world } = cli;
      cli.whenInterrupted(() => "a part may be half done: run it again, what is done stays");
      const code = await world.runProgram([process.execPath, join(world.root, "deploy/index.ts"), part, ...argumentsOf(options)], {
        cwd: world.root,
      });
      world.signal.throwIfAborted();
      if (code === exitCodes.ok) return;
      // It has said itself what was wrong.
      throw new CliError(code === exitCodes.usage ? "usage" : "failed", `deploying ended with ${code}`, { code: "DEPLOY_FAILED" });
    });
}

function argumentsOf({ env, dryRun = false, url, wait }: DeployOptions): string[] {
  return ["--env", env, ...(dryRun ? ["--dry-run"] : []), ...(url === undefined ? [] : ["--url", url]), "--wait", String(wait)];
}
