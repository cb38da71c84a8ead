import { describe, expect, it } from "vitest";
import { tagOfPath } from "./addresses.ts";

describe("an address", () => {
  it.each([
    ["/api/opportunities", "opportunities"],
    ["/api/executions/x1", "executions"],
    ["/api/proxy/strategies", "backend.strategies"],
    ["/api/proxy/analytics/performance", "backend.analytics"],
    ["/api/proxy/chains/base/config", "backend.chains"],
    ["/api/proxy/auth/login", undefined],
    ["/api/events", undefined],
    ["/api/opportunities/a/b", undefined],
    ["/api/opportunities?chain=base", undefined],
    ["", undefined],
  ])("%s is purged by the tag %s", (path, tag) => {
    expect(tagOfPath(path)).toBe(tag);
  });
});
