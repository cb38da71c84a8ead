import { describe, expect, it } from "vitest";
import { completed, missingBuilds, platformOf } from "./lock.ts";
import type { Lock } from "./lock.ts";

const lock: Lock = {
  lockfileVersion: 3,
  packages: {
    "": {},
    "node_modules/tool": {
      version: "2.0.0",
      dev: true,
      optionalDependencies: { "tool-linux-x64-gnu": "2.0.0", "tool-darwin-arm64": "2.0.0" },
    },
    "node_modules/tool-linux-x64-gnu": { version: "2.0.0", dev: true },
  },
};

describe("the lock file", () => {
  it("lacks a build that no entry describes", () => {
    expect(missingBuilds(lock)).toEqual([{ name: "tool-darwin-arm64", version: "2.0.0", dev: true, os: "darwin", cpu: "arm64" }]);
  });

  it("lacks nothing once completed, and keeps what it had", () => {
    const full = completed(lock);
    expect(missingBuilds(full)).toEqual([]);
    expect(full).toMatchObject(lock);
    expect(full.packages["node_modules/tool-darwin-arm64"]).toEqual({
      version: "2.0.0",
      cpu: ["arm64"],
      dev: true,
      optional: true,
      os: ["darwin"],
    });
  });

  it("finds a build that lies under its parent", () => {
    const nested = { packages: { ...lock.packages, "node_modules/tool/node_modules/tool-darwin-arm64": { version: "2.0.0" } } };
    expect(missingBuilds(nested)).toEqual([]);
  });
});

describe("platformOf", () => {
  it("refuses a name that tells no platform", () => {
    expect(() => platformOf("fsevents")).toThrow("by hand");
  });

  it.each([
    ["@oxlint/binding-linux-x64-musl", { os: "linux", cpu: "x64", libc: "musl" }],
    ["@oxlint/binding-linux-arm-gnueabihf", { os: "linux", cpu: "arm", libc: "glibc" }],
    ["@oxlint/binding-android-arm-eabi", { os: "android", cpu: "arm" }],
    ["@oxlint/binding-win32-ia32-msvc", { os: "win32", cpu: "ia32" }],
    ["@cloudflare/workerd-windows-64", { os: "win32", cpu: "x64" }],
    ["@cloudflare/workerd-linux-64", { os: "linux", cpu: "x64" }],
  ])("reads %s", (name, platform) => {
    expect(platformOf(name)).toEqual(platform);
  });
});
