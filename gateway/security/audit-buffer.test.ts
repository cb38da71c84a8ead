import { expect, it } from "vitest";
import { AuditBuffer, auditKindsMax } from "./audit-buffer.ts";

const refused = (address: string) => ({ action: "access.refused" as const, actor: "anonymous", address });

it("a flood of alike refusals is one row that says how many and since when", () => {
  const buffer = new AuditBuffer();
  for (let n = 0; n < 10_000; n += 1) buffer.add({ ...refused("1.2.3.4"), requestId: `r${n}` }, n);
  expect(buffer.take()).toEqual([{ ...refused("1.2.3.4"), requestId: "r0", firstMs: 0, timeMs: 9_999, count: 10_000 }]);
  expect([buffer.isEmpty, buffer.take()]).toEqual([true, []]);
});

it("a flood of different ones is bounded, and none is lost from the count", () => {
  const buffer = new AuditBuffer();
  for (let n = 0; n < 10_000; n += 1) buffer.add(refused(`10.0.${n >> 8}.${n & 255}`), n);
  buffer.add({ action: "rate.limited", actor: "anonymous" }, 10_000);
  const rows = buffer.take();
  expect(rows).toHaveLength(auditKindsMax + 2);
  expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(10_001);
  expect(rows.filter(({ actor }) => actor === "others").map(({ action, count }) => [action, count])).toEqual([
    ["access.refused", 10_000 - auditKindsMax],
    ["rate.limited", 1],
  ]);
});

it("what differs in actor, subject, address or reason stays apart", () => {
  const buffer = new AuditBuffer();
  const entry = refused("1.2.3.4");
  for (const one of [entry, { ...entry, actor: "user:u" }, { ...entry, subject: "/ops" }, { ...entry, details: { status: 403 } }]) {
    buffer.add(one, 1);
    buffer.add(one, 2);
  }
  expect(buffer.take().map(({ count }) => count)).toEqual([2, 2, 2, 2]);
});
