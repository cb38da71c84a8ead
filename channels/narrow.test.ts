import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mayDo, type ChannelAction, type Grants } from "./capabilities.ts";
import { findChannel, streams } from "./catalogue.ts";
import { meetPatterns, narrowGrants } from "./narrow.ts";

const actions = ["subscribe", "history", "presence"] as const;
const channels = streams
  .flatMap(({ name, chainViews }) => [name, ...(chainViews ? [`${name}:arbitrum`, `${name}:base`] : [])])
  .flatMap((name) => findChannel(name) ?? []);

/** Every right that a token gives, as `action channel`. */
function rightsOf(grants: Grants): string[] {
  const may = (action: ChannelAction, channel: (typeof channels)[number]): boolean =>
    mayDo({ grants, action, channel, publicChannels: [] });
  return channels.flatMap((channel) => actions.filter((action) => may(action, channel)).map((action) => `${action} ${channel.channel}`));
}

describe("a role", () => {
  it.each([
    ["trader", "admin"],
    ["trader", "operator"],
    ["viewer", "trader"],
    ["readonly", "viewer"],
    [undefined, "viewer"],
    ["trader", "backend_service"],
    ["backend_service", "viewer"],
  ])("%s cannot pass on %s", (held, wanted) => {
    expect(narrowGrants({ role: held }, { role: wanted })).toEqual({ ok: false, beyond: "role" });
  });

  it.each([
    ["super_admin", "admin"],
    ["admin", "Operator"],
    ["operator", "trader"],
    ["TRADER", "viewer"],
    ["trader", "TRADER"],
    ["backend_service", "backend_service"],
  ])("%s can pass on %s", (held, wanted) => {
    expect(narrowGrants({ role: held }, { role: wanted })).toEqual({ ok: true, grants: { role: wanted, channels: undefined } });
  });
});

describe("channels", () => {
  const held = { role: "trader", channels: { "opportunities:*": ["subscribe", "history"], market: ["subscribe"] } };

  it("of which nothing is held are refused, and asking for none is not", () => {
    for (const wanted of [{ executions: ["subscribe"] }, { "opportunities:base": ["presence"] }, { "opportunitiesx:*": ["subscribe"] }]) {
      expect(narrowGrants(held, { channels: wanted })).toEqual({ ok: false, beyond: "channels" });
    }
    expect(narrowGrants(held, { channels: {} })).toEqual({ ok: true, grants: { role: "trader", channels: {} } });
    expect(narrowGrants({ role: undefined }, { channels: { market: ["subscribe"] } })).toEqual({ ok: false, beyond: "channels" });
  });

  it("that are not asked for are passed on as they are held", () => {
    expect(narrowGrants(held, {})).toEqual({ ok: true, grants: held });
  });

  it.each<[Record<string, string[]>, Record<string, string[]>]>([
    [{ "*": ["subscribe", "presence"] }, { "opportunities:*": ["subscribe"], market: ["subscribe"] }],
    [{ "*:base": ["history"] }, { "opportunities:base": ["history"] }],
    [{ opportunities: ["subscribe"] }, { "opportunities:*": ["subscribe"] }],
    [{ "opportunities:base": ["subscribe", "history"], executions: ["history"] }, { "opportunities:base": ["subscribe", "history"] }],
  ])("%j asked for are narrowed to %j", (wanted, channels) => {
    expect(narrowGrants(held, { channels: wanted })).toEqual({ ok: true, grants: { role: "trader", channels } });
  });

  it("of a role without a map are its streams", () => {
    expect(narrowGrants({ role: "viewer" }, { channels: { "*": ["subscribe", "presence"] } })).toMatchObject({
      ok: true,
      grants: { channels: Object.fromEntries(streams.map(({ name }) => [name, ["subscribe"]])) },
    });
  });
});

const segment = fc.constantFrom("opportunities", "executions", "market", "arbitrum", "base", "*");
const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join(":"));
const map = fc.dictionary(pattern, fc.subarray([...actions]), { maxKeys: 4 });
const role = fc.constantFrom(undefined, "super_admin", "admin", "operator", "trader", "viewer", "unknown");
const grants = fc.record({ role, channels: fc.option(map, { nil: undefined }) });

it("a token that is passed on never gives a right that its giver lacks, and lacks none that both name", () => {
  fc.assert(
    fc.property(grants, grants, (held, wanted) => {
      const narrowed = narrowGrants(held, wanted);
      const own = new Set(rightsOf(held));
      const given = narrowed.ok ? rightsOf(narrowed.grants) : [];
      expect(given.filter((right) => !own.has(right))).toEqual([]);
      if (!narrowed.ok || wanted.channels === undefined) return;
      const asked = new Set(rightsOf({ channels: wanted.channels }));
      const both = [...own].filter((right) => asked.has(right));
      expect(both.filter((right) => !given.includes(right))).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

it("two patterns meet in exactly the channels that both cover", () => {
  const covered = (patterns: readonly string[]): string[] =>
    rightsOf({ channels: Object.fromEntries(patterns.map((one) => [one, ["history"]])) });
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      const both = covered([one]).filter((right) => covered([other]).includes(right));
      expect(covered(meetPatterns(one, other))).toEqual(both);
    }),
    { numRuns: 2_000 },
  );
});
