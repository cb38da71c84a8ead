import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, parseAddress, parseNetwork } from "./network.ts";

describe("a network", () => {
  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "0x7f.1",
    "017.0.0.1",
    "1.2.3.4/33",
    "1.2.3.4/-1",
    "1.2.3.4/",
    "1.2.3.4/24/8",
    "::/129",
    "fe80::1%eth0",
    "::ffff:1.2.3.4/96",
    "2001:db8::1::2",
    " 1.2.3.4",
    "example.com",
  ])("is none: %j", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  it.each([
    ["203.0.113.77/24", "203.0.113.0/24"],
    ["203.0.113.77", "203.0.113.77/32"],
    ["203.0.113.77/0", "0.0.0.0/0"],
    ["2001:0DB8:0:0::1/32", "2001:db8::/32"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["::ffff:203.0.113.77", "203.0.113.77/32"],
    ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
  ])("%s is written %s", (text, canonical) => {
    expect(parseNetwork(text)?.text).toBe(canonical);
  });

  it("has every address that shares its first bits, and no other", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const ipv4 = fc.tuple(byte, byte, byte, byte);
    const value = (bytes: readonly number[]): number => bytes.reduce((sum, part) => sum * 256 + part, 0);
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (net, host, bits) => {
        const network = parseNetwork(`${net.join(".")}/${bits}`);
        const address = parseAddress(host.join("."));
        if (network === undefined || address === undefined) throw new Error("both are valid");
        const size = 2 ** (32 - bits);
        expect(contains(network, address)).toBe(Math.floor(value(net) / size) === Math.floor(value(host) / size));
      }),
    );
  });

  it("never has an address of the other kind", () => {
    const [v4, v6] = [parseNetwork("0.0.0.0/0"), parseNetwork("::/0")];
    const [a4, a6] = [parseAddress("1.2.3.4"), parseAddress("2001:db8::1")];
    if (v4 === undefined || v6 === undefined || a4 === undefined || a6 === undefined) throw new Error("all are valid");
    expect([contains(v4, a6), contains(v6, a4), contains(v4, a4), contains(v6, a6)]).toEqual([false, false, true, true]);
  });
});
