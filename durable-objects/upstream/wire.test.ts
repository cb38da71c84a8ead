/** What is said on Contabo's socket, and what is made of what it says. */
import { describe, expect, it } from "vitest";
import { frameBytesMax, greeting, pingText, readFrame } from "./wire.ts";

describe("readFrame", () => {
  it.each([
    ["binary", new ArrayBuffer(2)],
    ["no JSON", "{"],
    ["an array", "[]"],
    ["a number", "1"],
    ["null", "null"],
    ["no type", '{"data":{}}'],
    ["a type that is no text", '{"type":1}'],
    ["too large", JSON.stringify({ type: "opportunity_detected", data: "x".repeat(frameBytesMax) })],
    ["too large in bytes only", JSON.stringify({ type: "x", data: "é".repeat(frameBytesMax / 2) })],
  ])("says that a frame which is %s cannot be read", (_, message) => {
    expect(readFrame(message)).toEqual({ kind: "unreadable", message: expect.any(String) });
  });

  it.each([
    '{"type":"unauthorized"}',
    '{"type":"auth_failed","message":"no"}',
    '{"type":"error","code":"UNAUTHORIZED"}',
    '{"type":"error","data":{"code":"INVALID_TOKEN"}}',
    '{"type":"error","error":{"code":"TOKEN_EXPIRED"}}',
  ])("takes %s for a refusal of the token", (message) => {
    expect(readFrame(message).kind).toBe("denied");
  });

  it.each([
    '{"type":"welcome"}',
    '{"type":"subscribed","channel":"x"}',
    '{"type":"error","code":"NOT_FOUND"}',
    '{"type":"error","data":null}',
  ])("takes %s for no event", (message) => {
    expect(readFrame(message).kind).toBe("other");
  });

  it("knows a pong, and answers a ping with what it holds", () => {
    expect(readFrame('{"type":"pong","timestamp":1.5}').kind).toBe("pong");
    expect(readFrame('{"type":"ping","timestamp":1.5}')).toEqual({ kind: "ping", answer: '{"type":"pong","timestamp":1.5}' });
    expect(readFrame('{"type":"ping"}')).toEqual({ kind: "ping", answer: '{"type":"pong"}' });
  });

  it("takes everything else for an event, as a whole", () => {
    const body = { type: "opportunity_detected", data: { a: "é" }, beside: 1 };
    const text = JSON.stringify(body);
    expect(readFrame(text)).toEqual({ kind: "event", frame: { type: body.type, body, bytes: new TextEncoder().encode(text).length } });
  });
});

it("greets as docs/API.md of the backend says: the token, then one subscription a channel", () => {
  expect(greeting("token", ["opportunities", "executions"]).map((text) => JSON.parse(text) as unknown)).toEqual([
    { type: "authenticate", token: "token" },
    { type: "subscribe", channel: "opportunities" },
    { type: "subscribe", channel: "executions" },
  ]);
  expect(pingText(5)).toBe('{"type":"ping","timestamp":5}');
});
