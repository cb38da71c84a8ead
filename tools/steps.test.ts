import { describe, expect, it } from "vitest";
import { renderResult, runSteps } from "./steps.ts";

describe("runSteps", () => {
  it("reports a program that does not exist as failed", async () => {
    const [result] = await runSteps([{ name: "missing", command: ["no-such-program-here"] }]);
    expect(result).toMatchObject({ name: "missing", passed: false });
    expect(result?.output).toContain("ENOENT");
  });

  it("keeps the output of both streams and the order of the steps", async () => {
    const script = "console.log('out'); console.error('err'); process.exit(3)";
    const results = await runSteps([
      { name: "bad", command: [process.execPath, "-e", script] },
      { name: "good", command: [process.execPath, "-e", ""] },
    ]);
    expect(results.map(({ name, passed }) => [name, passed])).toEqual([
      ["bad", false],
      ["good", true],
    ]);
    expect(results[0]?.output).toContain("out");
    expect(results[0]?.output).toContain("err");
  });
});

describe("renderResult", () => {
  it("shows what a step printed only when it failed", () => {
    const result = { name: "lint", durationMs: 1_234, output: "a\nb\n" };
    expect(renderResult({ ...result, passed: true })).toBe("ok   lint (1.2 s)");
    expect(renderResult({ ...result, passed: false })).toBe("FAIL lint (1.2 s)\n     a\n     b");
  });
});
