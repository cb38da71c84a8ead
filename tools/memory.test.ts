import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stateFolder, withFolder } from "./memory.ts";

it.each([
  ["too small", tmpdir(), Number.MAX_SAFE_INTEGER],
  ["not there", "/nowhere/at/all", 1],
])("a folder in memory that is %s is not used", (_, folder, bytesMin) => {
  expect(stateFolder(folder, bytesMin)).toBe(tmpdir());
});

it("one that is large enough is", () => {
  expect(stateFolder(import.meta.dirname, 1)).toBe(import.meta.dirname);
});

it("nothing is left behind, also after a failure", async () => {
  let used = "";
  const failing = withFolder(async (folder) => {
    writeFileSync(join((used = folder), "state"), "x");
    throw new Error("killed");
  });
  await expect(failing).rejects.toThrow("killed");
  expect([used !== "", existsSync(used)]).toEqual([true, false]);
});
