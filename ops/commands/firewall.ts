/** `arbx firewall`: the rules in force, all of them anew, and what rules would do to a request before they hold. */
import { Option, type Command } from "commander";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { parseJson, readInput } from "../input.ts";
import { printable, type Column } from "../output.ts";

interface Rule {
  readonly id: string;
  readonly enabled?: boolean;
  readonly priority?: number;
  readonly action: string;
  readonly networks?: readonly string[];
  readonly user_agents?: readonly string[];
  readonly paths?: readonly string[];
  readonly methods?: readonly string[];
  readonly matches_here?: number;
  readonly last_match_at?: string | null;
}

interface Firewall {
  readonly version: number;
  readonly rules: readonly Rule[];
}

interface Tested {
  readonly version: number;
  readonly rules: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly ip?: string;
    readonly action: string;
    readonly rule?: string;
    readonly logged: readonly string[];
    readonly now: string;
  }[];
}

interface TestOptions {
  readonly ip?: string;
  readonly method: string;
  readonly path: string;
  readonly userAgent?: string;
}

const columns: readonly Column<Rule>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "PRIORITY", value: ({ priority = 100 }) => priority, align: "right" },
  { title: "ACTION", value: ({ action, enabled = true }) => (enabled ? action : `${action} (off)`) },
  { title: "FITS", value: fitsOf },
  { title: "MATCHES HERE", value: ({ matches_here: count }) => count, align: "right" },
  { title: "LAST", value: ({ last_match_at: at }) => at ?? undefined },
];

/** The edge takes no more. */
const rulesBytesMax = 262_144;

export function registerFirewall(program: Command, cli: Cli): void {
  const firewall = program.command("firewall").description("who is kept out by rule: read, try out, replace");
  firewall
    .command("show")
    .description("the rules in force; matches are those of the isolate that answers")
    .addHelpText("after", "\nWith --json it prints what `set` takes.")
    .action(async (_options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const { version, rules } = await edge.get<Firewall>("/ops/firewall");
      const byPriority = rules.toSorted((a, b) => (a.priority ?? 100) - (b.priority ?? 100));
      if (output.json) return await output.result({ version, rules: byPriority.map(withoutCounts) }, () => "");
      await output.table(byPriority, columns, "no rules");
      await output.note(`version ${version}`);
    });
  registerSet(firewall, cli);
  registerTest(firewall, cli);
}

function registerSet(firewall: Command, cli: Cli): void {
  firewall
    .command("set")
    .description("replaces all rules; known everywhere within a minute")
    .argument("<file>", 'a JSON list of rules, or what `show --json` printed; "-" for stdin')
    .requiredOption("--comment <text>", "why, for the history")
    .addOption(new Option("--version <number>", "the version you have seen; refused when another is in force").argParser(Number))
    .action(async (file: string, { comment, version }: { comment: string; version?: number }, command: Command) => {
      const session = cli.open(command);
      const { rules, seen } = await readRules(session, file);
      const current = version ?? seen ?? (await session.edge.get<Firewall>("/ops/firewall")).version;
      const headers = { "if-match": `"${current}"` };
      const changed = await session.edge.send<{ version: number }>("PUT", "/ops/firewall", { body: { comment, rules }, headers });
      await session.output.result(
        changed,
        ({ version: now }) => `version ${now}, ${rules.length} rules; back: arbx config rollback ${current}`,
      );
    });
}

function registerTest(firewall: Command, cli: Cli): void {
  firewall
    .command("test")
    .description("a dry run: what these rules would do to a request, and how they differ from those in force")
    .argument("[file]", 'as for `set`; without it, the rules in force; "-" for stdin')
    .option("--ip <address>", "whose request")
    .option("--method <method>", "of the request", "GET")
    .option("--path <path>", "of the request", "/")
    .option("--user-agent <text>", "of the request")
    .addHelpText("after", "\nChanges nothing.\nExample: arbx firewall test rules.json --ip 203.0.113.9 --path /api/opportunities")
    .action(async (file: string | undefined, { ip, method, path, userAgent }: TestOptions, command: Command) => {
      const session = cli.open(command);
      const rules = file === undefined ? undefined : (await readRules(session, file)).rules;
      const request = { ip, method: method.toUpperCase(), path, user_agent: userAgent };
      const tested = await session.edge.send<Tested>("POST", "/ops/firewall/test", { body: { rules, requests: [request] } });
      await session.output.result(tested, renderTested);
    });
}

async function readRules(
  { world }: Session,
  file: string,
): Promise<{ readonly rules: readonly unknown[]; readonly seen: number | undefined }> {
  const value = parseJson(await readInput(world, file, rulesBytesMax), file);
  if (Array.isArray(value)) return { rules: value, seen: undefined };
  const { rules, version } = (typeof value === "object" && value !== null ? value : {}) as { rules?: unknown; version?: unknown };
  if (!Array.isArray(rules))
    throw new CliError("usage", `${file} is no list of rules`, { code: "NOT_RULES", advice: "arbx firewall show --json prints one" });
  return { rules, seen: typeof version === "number" ? version : undefined };
}

function withoutCounts({ matches_here: _count, last_match_at: _at, ...rule }: Rule): Rule {
  return rule;
}

function fitsOf({ networks, user_agents: agents, paths, methods }: Rule): string {
  const parts = [...(methods ?? []), ...(paths ?? []), ...(networks ?? []), ...(agents ?? []).map((text) => `agent ${text}`)];
  return parts.length > 4 ? `${parts.slice(0, 4).join(" ")} … ${parts.length} in all` : parts.join(" ");
}

function renderTested({ version, rules, added, changed, removed, requests }: Tested): string {
  const named = (title: string, ids: readonly string[]): string[] => (ids.length === 0 ? [] : [`  ${title}: ${ids.join(", ")}`]);
  const decisions = requests.map(({ method, path, ip, action, rule, logged, now }) => {
    const by = rule === undefined ? "" : ` by ${rule}`;
    const counts = logged.length === 0 ? "" : `, counted by ${logged.join(", ")}`;
    return `${method} ${printable(path)}${ip === undefined ? "" : ` of ${ip}`}: ${action}${by}${counts}; now: ${now}`;
  });
  const differences = [...named("new", added), ...named("changed", changed), ...named("gone", removed)];
  return [
    `${rules} rules, against version ${version} in force:`,
    ...(differences.length === 0 ? ["  the same"] : differences),
    ...decisions,
  ].join("\n");
}
