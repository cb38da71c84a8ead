import { describe, expect, it } from "vitest";
import { addTallies, isGreen, renderTally, tallyRun, tallySteps } from "./tally.ts";

function report({ passed = 0, failed = 0, skipped = 0, brokenFiles = 0 }): string {
  const broken = Array.from({ length: brokenFiles }, () => ({ status: "failed", assertionResults: [] }));
  const failing = { status: "failed", assertionResults: [{ status: "failed" }] };
  return JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    testResults: failed > 0 ? [failing, ...broken] : broken,
  });
}

describe("tallyRun", () => {
  it("counts a crash without a report as one failure", () => {
    expect(tallyRun({ exitCode: null, report: undefined })).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it.each(["", "{", "{}"])("counts the broken report %j as one failure, even beside exit code 0", (text) => {
    expect(tallyRun({ exitCode: 0, report: text })).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it("counts a bad exit that no test explains as one failure", () => {
    expect(tallyRun({ exitCode: 1, report: report({ passed: 5 }) })).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  it("counts a file that does not load beside tests that failed", () => {
    expect(tallyRun({ exitCode: 1, report: report({ passed: 5, failed: 2, brokenFiles: 1 }) })).toEqual({
      passed: 5,
      failed: 3,
      skipped: 0,
    });
  });

  it("takes a good run's numbers as they are", () => {
    expect(tallyRun({ exitCode: 0, report: report({ passed: 7, skipped: 2 }) })).toEqual({ passed: 7, failed: 0, skipped: 2 });
  });
});

describe("the last line", () => {
  it("is the sum over steps and runs", () => {
    const total = addTallies([tallySteps([{ passed: true }, { passed: false }]), { passed: 7, failed: 0, skipped: 2 }]);
    expect(renderTally(total)).toBe("8 passed, 1 failed, 2 skipped");
  });

  it("is not green when nothing ran", () => {
    expect(isGreen({ passed: 0, failed: 0, skipped: 3 })).toBe(false);
  });

  it("is not green when anything failed", () => {
    expect(isGreen({ passed: 100, failed: 1, skipped: 0 })).toBe(false);
  });
});
