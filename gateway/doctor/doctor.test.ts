import { describe, expect, it } from "vitest";
import { parseConfig } from "../../platform/config.ts";
import { fine, runDoctor, worstOf, type Check } from "./run.ts";
import { inspectSecrets } from "./secrets.ts";
import { inspectVars } from "./vars.ts";

const strong = (seed: string): string => `${seed}-0123456789abcdef0123456789abcdef`;
const secrets = { INGEST_API_KEYS: strong("ingest"), JWT_SECRET: strong("jwt"), OPS_API_KEY: strong("ops") };
const byName = (found: readonly { name: string }[], name: string): unknown => found.find((one) => one.name === `secret:${name}`);

describe("a check", () => {
  const never = new Promise<never>(() => undefined);
  const check = (name: string, run: Check["run"]): Check => ({ name, advice: `mend ${name}`, run });

  it("that throws, is not there or never answers fails by itself and says what to do; the others are told all the same", async () => {
    const checks = await runDoctor(
      [
        check("fine", async () => fine("answers")),
        check("down", () => Promise.reject(new Error("D1 is down"))),
        check("missing", () => (undefined as unknown as { get(): Promise<never> }).get()),
        check("silent", () => never),
      ],
      () => 0,
      5,
    );
    expect(checks.map(({ name, status }) => [name, status])).toEqual([
      ["fine", "ok"],
      ["down", "fail"],
      ["missing", "fail"],
      ["silent", "fail"],
    ]);
    expect(checks[1]).toMatchObject({ detail: "D1 is down", advice: "mend down" });
    expect(checks[3]?.detail).toContain("within 5 ms");
  });

  it("decides for the whole when it is the worst", () => {
    expect(worstOf([{ status: "ok" }, { status: "fail" }, { status: "warn" }])).toBe("fail");
    expect(worstOf([{ status: "ok" }, { status: "warn" }])).toBe("warn");
    expect(worstOf([])).toBe("ok");
  });
});

describe("a secret", () => {
  it("is never shown, whatever is found", () => {
    const weak = { ...secrets, OPS_API_KEY: "hunter2", JWT_SECRET_PREVIOUS: strong("old"), WEBHOOK_SECRET: secrets.JWT_SECRET };
    const text = JSON.stringify(inspectSecrets(weak, true));
    for (const value of Object.values(weak)) expect(text).not.toContain(value);
  });

  it.each([
    ["missing", {}, "fail"],
    ["too short", { OPS_API_KEY: "hunter2" }, "fail"],
    ["of one letter", { OPS_API_KEY: "a".repeat(64) }, "fail"],
    ["another one's value as well", { OPS_API_KEY: secrets.JWT_SECRET }, "fail"],
    ["a development value", { OPS_API_KEY: strong("dev") }, "fail"],
    ["random", { OPS_API_KEY: secrets.OPS_API_KEY }, "ok"],
  ])("that is %s: %j", (_, own, status) => {
    const found = inspectSecrets({ INGEST_API_KEYS: secrets.INGEST_API_KEYS, JWT_SECRET: secrets.JWT_SECRET, ...own }, true);
    expect(byName(found, "OPS_API_KEY")).toMatchObject({ status, ...(status === "ok" ? {} : { advice: expect.any(String) as string }) });
  });

  it("of development is fine where development is", () => {
    expect(byName(inspectSecrets({ ...secrets, WEBHOOK_SECRET: "whsec_ZGV2LXdlYmhvb2s=" }, true), "WEBHOOK_SECRET")).toMatchObject({
      status: "fail",
    });
    expect(byName(inspectSecrets({ ...secrets, OPS_API_KEY: "dev-ops-key-0001" }, false), "OPS_API_KEY")).toMatchObject({ status: "ok" });
  });

  it("that was replaced is remembered as still taken", () => {
    expect(inspectSecrets({ ...secrets, JWT_SECRET_PREVIOUS: strong("old") }, true).at(-1)).toMatchObject({ status: "warn" });
  });
});

describe("variables", () => {
  const base = { ...secrets, JWT_ISSUER: "a", JWT_AUDIENCE: "a", REGIONS: "weur,enam", CHANNEL_HOME: "weur" };

  it("as they are shipped contradict nothing", () => {
    expect(inspectVars(parseConfig(base))).toEqual([]);
  });

  it.each([
    [{ PUBLIC_CHANNELS: "opportunities,nonsense" }, "nonsense"],
    [{ CHANNEL_HOME: "apac" }, "REGIONS"],
    [{ GEO_ALLOW: "DE,FR", GEO_DENY: "FR" }, "FR"],
    [{ LOG_GRACE_HOURS: "72", LOG_RETENTION_DAYS: "1" }, "LOG_RETENTION_DAYS"],
    [{ CORS_ORIGINS: "*" }, "CORS_ORIGINS"],
    [{ LEGACY_VIEW: "full" }, "LEGACY_VIEW"],
    [{ SECURITY_HEADERS_ENABLED: "false" }, "SECURITY_HEADERS_ENABLED"],
    [{ JWT_EXPIRY: "86401" }, "JWT_EXPIRY"],
    [{ JWT_JWKS_URL: "https://issuer.example/keys" }, "JWT_ISSUER"],
    [{ CONTABO_WS_URLS: "wss://contabo.example/ws", BACKEND_AUTH_TOKEN: strong("token") }, "CONTABO_BACKEND_URL"],
  ])("%j are told, with what to do", (own, named) => {
    const [finding, ...rest] = inspectVars(parseConfig({ ...base, ...own }));
    expect(rest).toEqual([]);
    expect(finding?.detail).toContain(named);
    expect(finding?.advice).not.toBe("");
  });
});
