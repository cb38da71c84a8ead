import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { streams } from "../channels/catalogue.ts";
import type { asyncApiDocument } from "../schemas/asyncapi.ts";
import { eventTypes } from "../schemas/event.ts";
import { ClientFrame } from "../schemas/socket.ts";
import { isStale, renderAsyncApi } from "./export-asyncapi.ts";

const document = JSON.parse(renderAsyncApi()) as ReturnType<typeof asyncApiDocument>;

function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" && typeof inner === "string" ? [inner] : refsIn(inner)));
}

function resolve(ref: string): unknown {
  return ref
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part.replaceAll("~1", "/")], document);
}

it("is stale when a byte differs or it is missing", () => {
  expect([isStale("a", undefined), isStale("a", "b"), isStale("a", "a")]).toEqual([true, true, false]);
});

describe("the document", () => {
  it("has only references that resolve", () => {
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(100);
    expect(refs.filter((ref) => resolve(ref) === undefined)).toEqual([]);
  });

  it("has only payloads that compile, each of which refuses what is no frame of its kind", () => {
    const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema({ ...document, $id: "document" });
    for (const name of Object.keys(document.components.messages)) {
      const validate = ajv.compile({ $ref: `document#/components/messages/${name}/payload` });
      expect(validate("text"), name).toBe(false);
      if (!name.startsWith("centrifugo")) expect(validate({ type: "no such frame" }), name).toBe(false);
    }
  });

  it("names every event type, client frame, stream and address", () => {
    const { messages } = document.components;
    for (const type of Object.keys(eventTypes)) expect(messages).toHaveProperty(type.replaceAll(".", "_"));
    for (const option of ClientFrame.options) expect(messages).toHaveProperty(`client_${option.shape.type.value}`);
    const addresses = Object.values(document.channels).map((channel) => (channel as { address: string }).address);
    expect(addresses).toEqual(["/ws", "/ws/{channel}", "/parties/channel/{channel}", "/connection/websocket", "/sse/{channel}"]);
    for (const { name } of streams) expect(JSON.stringify(document.channels)).toContain(name);
  });

  it("lists in each operation only messages of its channel, and all of them in some operation", () => {
    const operations = Object.values(document.operations) as { channel: { $ref: string }; messages: { $ref: string }[] }[];
    for (const { channel, messages } of operations) {
      for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
    }
    const used = new Set(operations.flatMap(({ messages }) => messages.map(({ $ref }) => $ref)));
    const offered = Object.entries(document.channels).flatMap(([name, channel]) =>
      Object.keys((channel as { messages: object }).messages).map((message) => `#/channels/${name}/messages/${message}`),
    );
    expect(offered.filter((ref) => !used.has(ref))).toEqual([]);
  });

  it("names each path parameter of an address", () => {
    for (const channel of Object.values(document.channels) as { address: string; parameters?: object }[]) {
      const named = [...channel.address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(Object.keys(channel.parameters ?? {})).toEqual(named);
    }
  });
});
