/** One run of the program: parses, performs, and turns every end into text and an exit code. Never throws. */
import { CommanderError } from "commander";
import { Cli, type World } from "./cli.ts";
import { CliError, Interrupted, messageOf, PipeClosed, renderError, renderErrorJson } from "./errors.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { makeProgram } from "./program.ts";

export async function run(argv: readonly string[], world: World): Promise<ExitCode> {
  const cli = new Cli(world);
  try {
    const program = await makeProgram(cli, argv);
    if (argv.length === 0) return await showHelp(world, program.helpInformation());
    await program.parseAsync([...argv], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    return await tell(cli, argv, errorOf(error, world.signal));
  }
}

/** A question that was not complete. */
async function showHelp(world: World, text: string): Promise<ExitCode> {
  await world.stdout.write(text);
  return exitCodes.usage;
}

/** Undefined for an end that needs no word. */
function errorOf(error: unknown, signal: AbortSignal): CliError | undefined {
  // Whatever fails after Ctrl-C failed because of it.
  if (signal.aborted && signal.reason instanceof CliError) return signal.reason;
  if (error instanceof CliError) return error;
  if (!(error instanceof CommanderError)) return new CliError("failed", messageOf(error), { code: "INTERNAL", cause: error });
  if (error.exitCode === 0) return undefined;
  // A group of commands without one of them: commander says its help and this name instead of a reason.
  const message = error.message === "(outputHelp)" ? "a command is missing" : error.message.replace(/^error: /, "");
  return new CliError("usage", message, { advice: "arbx COMMAND --help lists what there is" });
}

async function tell(cli: Cli, argv: readonly string[], error: CliError | undefined): Promise<ExitCode> {
  if (error === undefined || error instanceof PipeClosed) return exitCodes.ok;
  const left = error instanceof Interrupted ? cli.leftovers() : undefined;
  const told = left === undefined ? error : new CliError("interrupted", error.message, { advice: left });
  // Asked of the arguments themselves: they may be what could not be parsed.
  await cli.world.stderr.write(argv.includes("--json") ? renderErrorJson(told) : renderError(told));
  return told.exitCode;
}
