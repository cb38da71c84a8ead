/** `arbx token`: mints a token for somebody, looks at one, ends one. Tokens are read from stdin: arguments end up in histories. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import { readInput } from "../input.ts";
import { renderPairs } from "../output.ts";
import { parsePositive } from "./tail-lines.ts";

interface MintOptions {
  readonly sub?: string;
  readonly role?: string;
  readonly channel?: Readonly<Record<string, readonly string[]>>;
  readonly ttl?: number;
}

interface Issued {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly session_id: string;
  readonly expires_at: string;
  readonly sub: string;
  readonly role?: string;
}

interface Inspected {
  readonly active: boolean;
  readonly reason?: string;
  readonly expires_at?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const tokenBytesMax = 16_384;
const actions = ["subscribe", "history", "presence"];

export function registerToken(program: Command, cli: Cli): void {
  const token = program.command("token").description("tokens of clients: mint and inspect");
  token
    .command("mint")
    .description("a token with no more rights than the key in use has; shown once")
    .option("--sub <name>", "for whom")
    .option("--role <name>", "such as operator or viewer")
    .addOption(
      new Option("--channel <pattern=actions>", 'such as "opportunities:*=subscribe,history"; may be repeated').argParser(parseChannel),
    )
    .addOption(new Option("--ttl <seconds>", "how long each access token lives").argParser(parsePositive))
    .addHelpText(
      "after",
      "\nPrints the access token alone; --json prints all of it, with the refresh token.\nExample: arbx token mint --sub dashboard --channel opportunities=subscribe --ttl 3600",
    )
    .action(async ({ sub, role, channel, ttl }: MintOptions, command: Command) => {
      const { edge, output } = cli.open(command);
      const issued = await edge.send<Issued>("POST", "/security/token", { body: { sub, role, channels: channel, ttl_seconds: ttl } });
      await output.result(issued, ({ access_token: access }) => access);
      if (!output.json) await output.note(`for ${issued.sub}, until ${issued.expires_at}, session ${issued.session_id}`);
    });
  token
    .command("inspect")
    .description("whether a token holds, what it says and until when; ends with 1 when it does not hold")
    .addHelpText("after", "\nReads the token from stdin.\nExample: pbpaste | arbx token inspect")
    .action(async (_options: object, command: Command) => {
      const { edge, output, world } = cli.open(command);
      const text = (await readInput(world, "-", tokenBytesMax)).trim();
      if (text === "") throw new CliError("usage", "there is no token on stdin", { advice: "arbx token inspect < token.txt" });
      const inspected = await edge.send<Inspected>("POST", "/security/verify", { body: { token: text }, anonymous: true });
      await output.result(inspected, renderInspected);
      if (!inspected.active) throw new CliError("failed", `the token is ${inspected.reason ?? "not active"}`, { code: "TOKEN_INACTIVE" });
    });
}

function parseChannel(text: string, before: MintOptions["channel"] = {}): NonNullable<MintOptions["channel"]> {
  const [pattern = "", granted = "subscribe", ...rest] = text.split("=");
  const list = granted.split(",");
  const unknown = list.find((action) => !actions.includes(action));
  if (pattern === "" || rest.length > 0) throw new InvalidArgumentError('must be such as "opportunities:*=subscribe,history".');
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${actions.join(", ")}.`);
  return { ...before, [pattern]: list };
}

function renderInspected({ active, reason, expires_at: expires, claims = {} }: Inspected): string {
  const shown = Object.entries(claims).map(
    ([name, value]) => [name, typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value)] as const,
  );
  return renderPairs([["active", active], ["reason", reason], ["expires_at", expires], ...shown]);
}
