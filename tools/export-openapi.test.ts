import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { describedBy, differences, servedBy } from "./export-openapi.ts";

const document = JSON.parse(readFileSync(new URL("../docs/openapi.json", import.meta.url), "utf8")) as Parameters<typeof describedBy>[0];

it("is valid by the schema of OpenAPI 3.1, every reference included", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document) as Record<string, unknown>);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  expect(() => validator.resolveRefs()).not.toThrow();
});

it("gives each operation a name of its own", () => {
  const names = Object.values(document.paths ?? {}).flatMap((item) =>
    Object.values(item).map((operation: { operationId?: string }) => operation.operationId),
  );
  expect(names.length).toBeGreaterThan(20);
  expect(new Set(names).size).toBe(names.length);
  expect(names).not.toContain(undefined);
});

it("tells a route that is not described, and a description of nothing, by name", () => {
  const served = servedBy([
    { method: "GET", path: "/a/:id" },
    { method: "GET", path: "/assets/*" },
    { method: "ALL", path: "/a/:id" },
  ]);
  const described = describedBy({ paths: { "/a/{id}": { get: {}, put: {} } } });
  expect(differences(served, described)).toEqual([
    expect.stringContaining("GET /assets/{path} is not described"),
    expect.stringContaining("PUT /a/{id} is described"),
  ]);
});
