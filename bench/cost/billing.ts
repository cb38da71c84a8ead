/** How Cloudflare counts, where it is not one for one. Pure; used inside the counted Worker. */
import { utf8Bytes } from "../../platform/bytes.ts";
import { queueMessageOverheadBytes, queueUnitBytes } from "../../schemas/prices.ts";

/** Billing units of one queue message. */
export function queueUnits(body: unknown): number {
  const bytes = utf8Bytes(typeof body === "string" ? body : JSON.stringify(body));
  return Math.ceil((bytes + queueMessageOverheadBytes) / queueUnitBytes);
}

/** `insert.log` for `INSERT INTO log …`: enough to see which statement a bill comes from. */
export function statementName(sql: string): string {
  const [, verb = "other"] = /^\s*(\w+)/.exec(sql) ?? [];
  const [, table = "-"] = /\b(?:into|update|from|table(?:\s+if\s+not\s+exists)?)\s+(\w+)/i.exec(sql) ?? [];
  return `${verb.toLowerCase()}.${table}`;
}
