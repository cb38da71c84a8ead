import { expect, it } from "vitest";
import { renderPayload, renderPromise } from "./compression-report.ts";

const result = (coding: string, bytes: number, plainBytes = 1_000) => ({ coding, bytes, plainBytes, micros: [30, 10, 20] });

it.each([
  [201, "MISSED"],
  [200, "met"],
])("of 1000 bytes, %i by brotli have the promise %s", (bytes, verdict) => {
  expect(renderPromise([result("br", bytes), result("gzip", 100)]).split("\n")[0]).toMatch(new RegExp(`promises 80 %: ${verdict}$`));
});

it("judges by bytes on the line, and shows the worst payload", () => {
  const text = renderPromise([result("br", 100), result("br", 10, 20), result("gzip", 1)]);
  expect(text).toContain("br: 89.2 % smaller in all, 50.0 % at least");
});

it("shows the median of the rounds", () => {
  expect(renderPayload("a page", [result("zstd", 100)])).toBe(
    "a page: 1000 B\n  zstd          100 B   90.0 % smaller   20 [10–30] µs  20.5 µs/KiB",
  );
});
