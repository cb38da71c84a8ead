import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import { expect, it } from "vitest";
import { root } from "../tools/environment.ts";
import { secretNames } from "./environment.ts";

it("lists every variable and secret in .env.example, and none that does not exist", () => {
  const listed = Object.keys(parseEnv(readFileSync(join(root, ".env.example"), "utf8")));
  const { vars } = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as { vars: Record<string, string> };
  const account = ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "EDGE_DOMAIN", "EDGE_PAGES_PROJECT"];
  // What is deployed is always production, in whatever environment.
  const variables = Object.keys(vars).filter((name) => name !== "ENVIRONMENT");
  expect(listed.toSorted()).toEqual([...account, ...secretNames, ...variables].toSorted());
});
