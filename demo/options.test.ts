/** The command line of `npm start`. */
import { describe, expect, it } from "vitest";
import { parseOptions } from "./options.ts";

const variablesOf = (...args: string[]): unknown => {
  const parsed = parseOptions(args);
  return parsed.kind === "start" ? parsed.options.variables : parsed;
};

describe("--var", () => {
  it.each(["PORT", "=x", "lower=x", "A-B=x", ""])("refuses %j and says what it must be", (text) => {
    expect(variablesOf("--var", text)).toEqual({ kind: "bad", message: expect.stringContaining("NAME=value") });
  });

  it("is none unless given", () => {
    expect(variablesOf()).toEqual({});
  });

  it("may be repeated; a value may be empty and hold equals signs", () => {
    expect(variablesOf("--var", "CONTABO_WS_URLS=ws://127.0.0.1:1/ws?a=b", "--var", "PUBLIC_CHANNELS=")).toEqual({
      CONTABO_WS_URLS: "ws://127.0.0.1:1/ws?a=b",
      PUBLIC_CHANNELS: "",
    });
  });
});

describe("options of npm start", () => {
  it.each([["--port", "x"], ["--speed", "0"], ["--slice", "-1"], ["--once", "--no-feed"], ["--what"]])("refuses %s %s", (...args) => {
    expect(parseOptions(args).kind).toBe("bad");
  });

  it("has defaults for everything", () => {
    expect(parseOptions([])).toEqual({
      kind: "start",
      options: {
        port: 8_787,
        speed: 1,
        once: false,
        feed: true,
        fresh: false,
        state: ".local/state",
        sliceSeconds: undefined,
        variables: {},
      },
    });
  });

  it("reads them all", () => {
    expect(parseOptions(["--port", "9000", "--speed", "20", "--once", "--fresh", "--slice", "60", "--state", "tmp"])).toEqual({
      kind: "start",
      options: { port: 9_000, speed: 20, once: true, feed: true, fresh: true, state: "tmp", sliceSeconds: 60, variables: {} },
    });
    expect(parseOptions(["--no-feed"])).toMatchObject({ options: { feed: false } });
  });
});
