import { describe, expect, it } from "vitest";
import { referencesIn } from "./references.ts";

describe("referencesIn", () => {
  it.each([
    ["a URL path", "`/ops/replays`"],
    ["an R2 key", "`events/v1/stream=…/dt=…`"],
    ["a media type", "`application/json`"],
    ["an external link", "[docs](https://example.com/a.md)"],
    ["an anchor", "[below](#limits)"],
    ["code in a block", "```ts\nimport `tools/none.ts`\n```"],
    ["a folder of the seed only", "`workers/api-proxy/opportunities.ts`"],
  ])("does not take %s for a path", (_, text) => {
    expect(referencesIn(text)).toEqual({ links: [], paths: [], files: [], scripts: [] });
  });

  it("finds links, paths, globs, bare file names and npm scripts", () => {
    const text =
      "See [it](../README.md#run), `consumers/consume.ts`, `schemas/d1/{a,b}.sql`, `limits.ts`.\n\n```sh\nnpm run check && npm test\n```\n";
    expect(referencesIn(text)).toEqual({
      links: ["../README.md"],
      paths: ["consumers/consume.ts", "schemas/d1/{a,b}.sql"],
      files: ["limits.ts"],
      scripts: ["check", "test"],
    });
  });
});
