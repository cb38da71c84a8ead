import { expect, it } from "vitest";
import { locationHints } from "../platform/config.ts";
import { regionOf } from "./region.ts";

const configured = ["wnam", "enam", "weur", "apac"] as const;

it.each([
  ["EU", undefined, "weur"],
  ["AF", undefined, "weur"],
  ["AS", undefined, "apac"],
  ["OC", undefined, "apac"],
  ["SA", undefined, "enam"],
  ["NA", "-122.4", "wnam"],
  ["NA", "-74.0", "enam"],
  ["NA", undefined, "enam"],
  ["AN", undefined, "wnam"],
  ["T1", undefined, "wnam"],
])("a client in %s at longitude %s goes to %s", (continent, longitude, region) => {
  expect(regionOf({ continent, longitude }, configured)).toBe(region);
});

it("a client of whom nothing is known goes to the first region", () => {
  expect(regionOf(undefined, ["apac", "weur"])).toBe("apac");
});

it("never leaves the configured regions, and takes a nearer one when there is one", () => {
  for (const only of locationHints) expect(regionOf({ continent: "EU" }, [only])).toBe(only);
  expect(regionOf({ continent: "SA" }, [...locationHints])).toBe("sam");
  expect(regionOf({ continent: "AF" }, [...locationHints])).toBe("afr");
});
