/** `arbx doctor`: what the edge finds when it looks at itself, this machine's clock beside it, and what to do. */
import type { Command } from "commander";
import type { DoctorCheck, DoctorReport } from "../../schemas/doctor.ts";
import type { Cli, Session } from "../cli.ts";
import { CliError } from "../errors.ts";
import { printable, type Colors } from "../output.ts";

/** Tokens and windows are told by clocks: what they bear (RFC 7519 speaks of a few minutes), and what should be looked at. */
const clockWarnMs = 2_000;
const clockFailMs = 60_000;
/** Beyond what each of its checks may take. */
const doctorTimeoutMs = 20_000;

export function registerDoctor(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description("bindings, secrets, queues, crons, clocks, versions: what is wrong, and what to do")
    .option("--all", "also what is well")
    .addHelpText("after", "\nEnds with 1 when a check fails. Secrets are never shown.")
    .action(async ({ all = false }: { all?: boolean }, command: Command) => {
      const session = cli.open(command);
      const report = await examine(session);
      const { colors } = session.output;
      await session.output.result(report, () => render(report, { all, colors }));
      const failed = report.checks.filter(({ status }) => status === "fail").length;
      if (failed > 0) throw new CliError("failed", `${failed} checks fail`, { code: "UNWELL" });
    });
}

async function examine({ edge, world }: Session): Promise<DoctorReport> {
  const askedMs = world.now();
  const report = await edge.get<DoctorReport>("/ops/doctor", { timeoutMs: doctorTimeoutMs });
  const clock = compareClocks(Date.parse(report.server_time), { askedMs, answeredMs: world.now() });
  const worst = [report.status, clock.status].includes("fail") ? "fail" : [report.status, clock.status].includes("warn") ? "warn" : "ok";
  return { ...report, status: worst, checks: [...report.checks, clock] };
}

/** The edge's time was taken at the end of its answer: anything between asking and having it fits. */
export function compareClocks(serverMs: number, { askedMs, answeredMs }: { askedMs: number; answeredMs: number }): DoctorCheck {
  const offMs = serverMs < askedMs ? askedMs - serverMs : Math.max(0, serverMs - answeredMs);
  const name = "clock";
  const latency = { latency_ms: answeredMs - askedMs };
  if (offMs <= clockWarnMs) return { name, status: "ok", detail: "this machine's and the edge's agree", ...latency };
  const detail = `this machine's is ${(offMs / 1_000).toFixed(1)} s ${serverMs < askedMs ? "ahead of" : "behind"} the edge's`;
  const status = offMs > clockFailMs ? "fail" : "warn";
  return { name, status, detail, advice: "set this machine's clock (NTP): tokens minted here would not hold", ...latency };
}

const marks = { ok: "ok  ", warn: "WARN", fail: "FAIL" } as const;

function render({ version, checks }: DoctorReport, { all, colors }: { readonly all: boolean; readonly colors: Colors }): string {
  const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const shown = checks.filter(({ status }) => all || status !== "ok");
  const lines = shown.flatMap(({ name, status, detail, advice }) => [
    `${paint[status](marks[status])} ${name.padEnd(width)}  ${printable(detail)}`,
    ...(advice === undefined ? [] : [`     ${" ".repeat(width)}  -> ${advice}`]),
  ]);
  const count = (status: DoctorCheck["status"]): number => checks.filter((check) => check.status === status).length;
  const tag = version.tag === "" ? "not tagged" : version.tag;
  return [...lines, `${count("ok")} well, ${count("warn")} warnings, ${count("fail")} failures; version ${version.id}, ${tag}`].join("\n");
}
