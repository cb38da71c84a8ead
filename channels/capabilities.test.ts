import { describe, expect, it } from "vitest";
import { findChannel, type ChannelName } from "./catalogue.ts";
import { hasPermission, matchesPattern, mayDo, type ChannelAction, type Grants } from "./capabilities.ts";

function named(name: string): ChannelName {
  const channel = findChannel(name);
  if (channel === undefined) throw new Error(name);
  return channel;
}

const may = (grants: Grants | undefined, action: ChannelAction, name: string, publicChannels: readonly string[] = []): boolean =>
  mayDo({ grants, action, channel: named(name), publicChannels });

describe("patterns", () => {
  it.each([
    ["order:*", "orders-secret", false],
    ["order:*", "order", false],
    ["order*", "orders", false],
    ["opportunities:*", "opportunities:arbitrum", true],
    ["opportunities:*", "opportunities", false],
    ["opportunities:*", "opportunities:arbitrum:deep", true],
    ["*:arbitrum", "opportunities:arbitrum", true],
    ["*:arbitrum", "opportunities:base", false],
    ["*", "market", true],
    ["opportunities", "opportunities:arbitrum", false],
  ])("%s matches %s: %s", (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected);
  });
});

describe("without a token", () => {
  it("only the public channels are open, to subscribe and history", () => {
    expect(may(undefined, "subscribe", "market", ["market"])).toBe(true);
    expect(may(undefined, "history", "market", ["market"])).toBe(true);
    expect(may(undefined, "presence", "market", ["market"])).toBe(false);
    expect(may(undefined, "subscribe", "executions", ["market"])).toBe(false);
    expect(may(undefined, "subscribe", "market")).toBe(false);
  });

  it("a public stream opens its views, a public view nothing else, an alias its channel", () => {
    expect(may(undefined, "subscribe", "opportunities:base", ["opportunities"])).toBe(true);
    expect(may(undefined, "subscribe", "opportunities", ["opportunities:base"])).toBe(false);
    expect(may(undefined, "subscribe", "opportunities:base", ["opportunities:base"])).toBe(true);
    expect(may(undefined, "subscribe", "opportunities", ["arbitrage"])).toBe(true);
  });
});

describe("with a token", () => {
  it("a channel map is all there is, whatever the role says", () => {
    const grants = { role: "trader", channels: { "opportunities:*": ["subscribe"], executions: ["history"] } };
    expect(may(grants, "subscribe", "opportunities:arbitrum")).toBe(true);
    expect(may(grants, "history", "opportunities:arbitrum")).toBe(false);
    expect(may(grants, "subscribe", "opportunities")).toBe(false);
    expect(may(grants, "history", "executions:base")).toBe(true);
    expect(may(grants, "subscribe", "executions")).toBe(false);
    expect(may({ role: "trader", channels: {} }, "subscribe", "market")).toBe(false);
  });

  it.each(["operator", "TRADER", "Analyst", "user", "viewer", "readonly"])("%s without a map may read every stream", (role) => {
    expect(may({ role }, "subscribe", "executions")).toBe(true);
    expect(may({ role }, "history", "strategies")).toBe(true);
    expect(may({ role }, "presence", "executions")).toBe(false);
  });

  it("an unknown role or none has what is public", () => {
    expect(may({ role: "guest" }, "subscribe", "executions")).toBe(false);
    expect(may({}, "subscribe", "executions")).toBe(false);
    expect(may({ role: "guest" }, "subscribe", "market", ["market"])).toBe(true);
  });

  it("an admin may do all", () => {
    expect(may({ role: "ADMIN", channels: {} }, "presence", "executions")).toBe(true);
  });
});

describe("a replay's channel", () => {
  const channel = "replay:01abc";
  const all = ["subscribe", "history", "presence"] as const;

  it.each(["operator", "admin", "super_admin"])("is open to %s, presence as well", (role) => {
    expect(all.map((action) => may({ role }, action, channel))).toEqual([true, true, true]);
  });

  it("is closed to everybody else, whatever their map says and however much is public", () => {
    const channels = { "*": all, "replay:*": all, [channel]: all };
    for (const grants of [undefined, {}, { channels }, { role: "trader" }, { role: "trader", channels }, { role: "viewer", channels }]) {
      expect(all.map((action) => may(grants, action, channel, ["*", channel, "replay:*"]))).toEqual([false, false, false]);
    }
  });

  it("a map narrows an operator", () => {
    expect(may({ role: "operator", channels: { market: all } }, "subscribe", channel)).toBe(false);
    expect(may({ role: "operator", channels: { "replay:*": ["history"] } }, "history", channel)).toBe(true);
    expect(may({ role: "operator", channels: { "replay:*": ["history"] } }, "subscribe", channel)).toBe(false);
  });
});

it.each([
  ["super_admin", true],
  ["Admin", true],
  ["OPERATOR", true],
  ["trader", false],
  ["analyst", false],
  ["user", false],
  ["viewer", false],
  ["readonly", false],
  ["toString", false],
  ["", false],
  [undefined, false],
])("a token of role %s may operate: %s", (role, expected) => {
  expect([hasPermission({ role }, "operate"), hasPermission({ role, channels: {} }, "operate")]).toEqual([expected, expected]);
  expect(hasPermission(undefined, "operate")).toBe(false);
});
