import { describe, expect, it } from "vitest";
import { decodeEntry, encodeEntry, isMadeFor, kept, varyingValues } from "./entry.ts";
import type { Entry } from "./entry.ts";

const entry: Entry = {
  v: 1,
  key: "v1\nchains\nother\n/\n",
  status: 200,
  headers: [["content-type", "application/json"]],
  varying: [["accept-language", "de"]],
  isRefusal: false,
  startedAtMs: 1,
  generatedAtMs: 2,
  freshUntilMs: 3,
  staleUntilMs: 4,
  errorUntilMs: 5,
  body: new Uint8Array([0, 10, 13, 255, 10]),
};
const text = (value: string) => new TextEncoder().encode(value);

describe("a stored answer", () => {
  it("comes back byte for byte, line breaks and all", () => {
    expect(decodeEntry(encodeEntry(entry), entry.key)).toEqual(entry);
  });

  it.each([
    ["under another's key", encodeEntry({ ...entry, key: "v1\nother" })],
    ["cut short", encodeEntry(entry).subarray(0, 20)],
    ["empty", text("")],
    ["no JSON", text("not json\nbody")],
    ["of a later version", encodeEntry({ ...entry, v: 2 } as unknown as Entry)],
    ["with a status that is none", encodeEntry({ ...entry, status: 99 })],
    ["with times that are none", text(`${JSON.stringify({ ...entry, body: undefined, freshUntilMs: null })}\n`)],
  ])("%s is as if nothing were there", (_, bytes) => {
    expect(decodeEntry(bytes, entry.key)).toBeUndefined();
  });

  it("is for requests with the very headers it was made for", () => {
    const made = (headers: Record<string, string>) => isMadeFor(entry, new Headers(headers));
    expect([made({ "accept-language": "de" }), made({ "accept-language": "en" }), made({})]).toEqual([true, false, false]);
    const absent = { varying: varyingValues(["accept"], new Headers()) };
    expect([isMadeFor(absent, new Headers()), isMadeFor(absent, new Headers({ accept: "" }))]).toEqual([true, false]);
  });

  it("keeps of its origin's headers what describes the body, and nothing of the transfer or of a person", () => {
    const headers = {
      "content-type": "a/b",
      etag: '"1"',
      "set-cookie": "a=b",
      "x-powered-by": "x",
      connection: "close",
      "x-request-id": "1",
    };
    expect(kept(new Headers(headers))).toEqual([
      ["content-type", "a/b"],
      ["etag", '"1"'],
    ]);
  });
});
