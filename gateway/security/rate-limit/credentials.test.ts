import { expect, it } from "vitest";
import { neededAt } from "./credentials.ts";

it.each([
  ["GET", "/api/opportunities", "cached"],
  ["HEAD", "/api/executions/x-1", "cached"],
  ["GET", "/api/proxy/chains", "cached"],
  ["POST", "/api/proxy/opportunities/x-1/execute", "uncached"],
  ["DELETE", "/ops/bans", "uncached"],
])("a credential that does not hold is refused early at %s %s", (method, path, needed) => {
  expect(neededAt(method, path)).toBe(needed);
});

it.each([
  // An expired token must not keep its bearer from signing in.
  ["POST", "/api/proxy/auth/login"],
  ["GET", "/api/proxy/health"],
  // What is not there is told to everybody alike, and so is a wrong method.
  ["GET", "/api/proxy/nowhere"],
  ["DELETE", "/api/proxy/chains"],
  ["POST", "/api/opportunities"],
  ["GET", "/api/opportunities/a/b"],
  ["GET", "/api/channels/opportunities/history"],
  ["GET", "/openapi.json"],
  ["GET", "/assets/app.js"],
  ["POST", "/security/refresh"],
  ["POST", "/api/batch"],
])("%s %s decides itself", (method, path) => {
  expect(neededAt(method, path)).toBeUndefined();
});
