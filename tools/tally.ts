/** Adds up what passed, failed and was skipped, from steps and from vitest's JSON reports. A run that ends badly without saying
 *  which test failed (a crash, a file that does not load, an unhandled rejection) still counts as a failure. */
import { z } from "zod";

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

/** One run of vitest: its exit code (null: killed) and its JSON report, when it wrote one. */
export interface TestRun {
  readonly exitCode: number | null;
  readonly report: string | undefined;
}

export function tallyRun({ exitCode, report }: TestRun): Tally {
  const parsed = parseReport(report);
  if (parsed === undefined) return { passed: 0, failed: 1, skipped: 0 };
  // A file that fails to load has no failed assertion of its own.
  const brokenFiles = parsed.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = parsed.numFailedTests + brokenFiles;
  return {
    passed: parsed.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: parsed.numPendingTests + parsed.numTodoTests,
  };
}

function parseReport(report: string | undefined): z.infer<typeof Report> | undefined {
  if (report === undefined) return undefined;
  try {
    return Report.parse(JSON.parse(report));
  } catch {
    return undefined;
  }
}

export function tallySteps(steps: readonly { readonly passed: boolean }[]): Tally {
  const passed = steps.filter((step) => step.passed).length;
  return { passed, failed: steps.length - passed, skipped: 0 };
}

export function addTallies(tallies: readonly Tally[]): Tally {
  const sum = (pick: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + pick(tally), 0);
  return { passed: sum((tally) => tally.passed), failed: sum((tally) => tally.failed), skipped: sum((tally) => tally.skipped) };
}

/** The last line of `npm test`, alone on its line. */
export function renderTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Green means that something ran and nothing failed. */
export function isGreen({ passed, failed }: Tally): boolean {
  return failed === 0 && passed > 0;
}
