/** What can be said of secrets without showing them: set or missing, a development value, too weak, used twice. Pure. */
import { keyText } from "../../platform/config-formats.ts";
import type { DoctorStatus } from "../../schemas/doctor.ts";
import type { Finding } from "./run.ts";

export interface SecretFinding extends Finding {
  readonly name: string;
}

interface Secret {
  readonly name: string;
  /** What does not work without it; undefined: nothing does. */
  readonly without: string | undefined;
}

const secrets: readonly Secret[] = [
  { name: "INGEST_API_KEYS", without: undefined },
  { name: "JWT_SECRET", without: undefined },
  { name: "OPS_API_KEY", without: undefined },
  { name: "WEBHOOK_SECRET", without: "signed webhooks are refused" },
  { name: "BACKEND_AUTH_TOKEN", without: "the backend is asked without a token" },
  { name: "CONTABO_API_KEY", without: "the backend is asked without a key" },
];

/** 32 characters of hex are the 128 bits below which a key can be guessed by trying. */
const charsMin = 32;
/** A random text of that length has far more; "aaaa…" and "passwordpassword…" have not. */
const differentCharsMin = 10;
/** Every secret of `.dev.vars.example` starts with it. */
const developmentPrefix = "dev-";
const generate = "put in a random one, e.g. of `openssl rand -hex 32`, and deploy";

export function inspectSecrets(variables: Readonly<Record<string, unknown>>, production: boolean): SecretFinding[] {
  const items = new Map(secrets.map(({ name }) => [name, itemsOf(variables[name])]));
  const found = secrets.map((secret) => ({ name: `secret:${secret.name}`, ...inspect(secret, items, production) }));
  return [...found, ...rotation(variables)];
}

function itemsOf(value: unknown): string[] {
  return typeof value === "string"
    ? value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
    : [];
}

function inspect({ name, without }: Secret, all: ReadonlyMap<string, readonly string[]>, production: boolean): Finding {
  const own = all.get(name) ?? [];
  if (own.length === 0) return missing(without);
  const development = own.filter((item) => keyText(item).startsWith(developmentPrefix)).length;
  if (development > 0) return developmentValue(production);
  const twin = [...all].find(([other, items]) => other !== name && items.some((item) => own.includes(item)));
  if (twin !== undefined) return bad("fail", `is also the value of ${twin[0]}`, `whoever holds one holds both: ${generate}`);
  // Lengths of a production secret are judged, never told.
  if (own.some(isWeak)) return bad(production ? "fail" : "warn", "is weak: too short or of too few different characters", generate);
  return { status: "ok", detail: own.length === 1 ? "set" : `set, ${own.length} of them` };
}

function missing(without: string | undefined): Finding {
  if (without === undefined) return bad("fail", "is missing", generate);
  return { status: "ok", detail: `not set: ${without}` };
}

function developmentValue(production: boolean): Finding {
  if (!production) return { status: "ok", detail: "set, a development value" };
  return bad("fail", "is a development value that everybody can read in the repository", generate);
}

function isWeak(item: string): boolean {
  return item.length < charsMin || new Set(item).size < differentCharsMin;
}

/** A key that was replaced is still taken while this is set. */
function rotation(variables: Readonly<Record<string, unknown>>): SecretFinding[] {
  if (itemsOf(variables["JWT_SECRET_PREVIOUS"]).length === 0) return [];
  const advice = "once the last token signed by it has expired (JWT_EXPIRY), leave it out and deploy";
  return [{ name: "secret:JWT_SECRET_PREVIOUS", ...bad("warn", "tokens of the replaced key are still taken", advice) }];
}

function bad(status: DoctorStatus, detail: string, advice: string): Finding {
  return { status, detail, advice };
}
