import { expect, it } from "vitest";
import { acceptedBy, acceptedIn } from "./negotiate.ts";

it.each<[string | null, string | undefined, boolean]>([
  // Who takes nothing of ours gets identity, never 406, also when it refuses that.
  ["identity;q=0", undefined, true],
  ["*;q=0", undefined, true],
  ["deflate, compress;q=0.5, identity;q=0", undefined, true],
  ["gzip;q=0", undefined, false],
  ["br;q=0, *", "zstd", false],
  ["gzip;q=0, br;q=0, zstd;q=0, *", undefined, false],
  ["gzip;q=oops", undefined, false],
  [";;;,,,", undefined, false],
  [null, undefined, false],
  ["", undefined, false],
  ["deflate", undefined, false],
  // Identity refused, and something of ours taken.
  ["gzip, *;q=0", "gzip", true],
  ["br, identity;q=0", "br", true],
  // By weight, then by our own order.
  ["gzip;q=1.0, br;q=0.9, zstd;q=0.1", "gzip", false],
  ["identity, gzip;q=0.5", undefined, false],
  ["gzip, identity", "gzip", false],
  ["gzip, deflate, br, zstd", "zstd", false],
  ["gzip, deflate, br", "br", false],
  ["GZIP", "gzip", false],
  ["*", "zstd", false],
  ["*;q=0.1, gzip;q=0.2", "gzip", false],
])("%j is given %s", (header, coding, isIdentityRefused) => {
  expect(acceptedIn(header)).toEqual({ coding, isIdentityRefused });
  // As remembered.
  expect(acceptedIn(header)).toEqual({ coding, isIdentityRefused });
});

it("does not read a header that no client sends", () => {
  expect(acceptedIn(`gzip, ${"x".repeat(255)}`).coding).toBeUndefined();
});

it("remembers a bounded number of headers, and answers all alike", () => {
  for (let round = 0; round < 500; round += 1)
    expect(acceptedIn(`gzip;q=0.${round}, br;q=0`).coding).toBe(round === 0 ? undefined : "gzip");
});

it("believes what the client sent, not what Cloudflare wrote in its place", () => {
  const ask = (cf?: CfProperties) =>
    acceptedBy(new Request("https://edge/", { headers: { "accept-encoding": "br, gzip" }, ...(cf === undefined ? {} : { cf }) })).coding;
  expect(ask({ clientAcceptEncoding: "zstd" })).toBe("zstd");
  expect(ask({ clientAcceptEncoding: "" })).toBeUndefined();
  expect(ask({ colo: "FRA" })).toBe("br");
  expect(ask(undefined)).toBe("br");
});
