/** No form that the edge stores is without a sample. A new version, a new migration or a new stored shape fails here until its sample is
 *  committed; an old sample fails beside this once nothing reads it any more. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sampleFiles } from "./stored.ts";

const sources = import.meta.glob<string>(
  ["../../schemas/*.ts", "../../stores/*.ts", "../../durable-objects/**/*.ts", "../../consumers/**/*.ts", "!../../**/*.test.ts"],
  { query: "?raw", import: "default", eager: true },
);

const sourceOf = (file: string): string => {
  const text = sources[`../../${file}`];
  if (text === undefined) throw new Error(`there is no file ${file}`);
  return text;
};

interface Form {
  /** Where the code says which versions it reads. */
  readonly file: string;
  /** How it says so there. */
  readonly says: RegExp;
  /** Its samples: `<name>.v<version>.…` */
  readonly names: readonly string[];
}

const asType = /readonly v: ([\d |]+);/g;
const asLiteral = /\bv: z\.literal\(\[?([\d, ]+)\]?\)/g;

const forms: readonly Form[] = [
  { file: "schemas/pack.ts", says: asLiteral, names: ["queue-hot-cache", "queue-event-log", "queue-inbox"] },
  { file: "schemas/dead-letter.ts", says: asLiteral, names: ["dead-letter"] },
  { file: "schemas/manifest.ts", says: asLiteral, names: ["log-manifest"] },
  { file: "schemas/manifest.ts", says: /\bcolumns: z\.literal\(\[?([\d, ]+)\]?\)/g, names: ["log-part"] },
  { file: "schemas/backup.ts", says: asLiteral, names: ["backup", "restore"] },
  { file: "schemas/placement.ts", says: asLiteral, names: ["placement"] },
  { file: "schemas/runtime-config.ts", says: asLiteral, names: ["runtime-config"] },
  { file: "stores/compaction-plan.ts", says: asLiteral, names: ["compaction-plan"] },
  { file: "stores/compaction-holds.ts", says: asLiteral, names: ["log-hold"] },
  { file: "stores/compaction-hours.ts", says: /"dirty\/v(\d+)\/"/g, names: ["log-mark"] },
  { file: "stores/event-log.ts", says: /events\/v(\d+)\//g, names: ["log-object"] },
  { file: "durable-objects/channel/storage.ts", says: asLiteral, names: ["channel"] },
  { file: "durable-objects/channel/tally.ts", says: asLiteral, names: ["channel"] },
  { file: "durable-objects/relay/connection.ts", says: asType, names: ["relay"] },
];

/** Versioned, and yet without a sample of its own. */
const elsewhere: Readonly<Record<string, string>> = {
  "schemas/cache.ts": "an answer in a cache: one that cannot be read is asked for anew",
  "schemas/replay.ts": "columns of replays: d1-metrics has them",
  "schemas/execution-outcome.ts": "a column of executions_once: d1-sessions has one of each kind",
};

function versionsIn(text: string, says: RegExp): number[] {
  return [...text.matchAll(says)].flatMap(([, found = ""]) => found.split(/[,|]/).map(Number));
}

it.each([
  ["v: z.literal(1)", asLiteral, [1]],
  ["{ v: z.literal(1) } … { v: z.literal(2) }", asLiteral, [1, 2]],
  ["v: z.literal([1, 2])", asLiteral, [1, 2]],
  ["protocol: z.literal(1)", asLiteral, []],
  ["readonly v: 1 | 2;", asType, [1, 2]],
])("a version that is written as `%s` is seen", (text, says, versions) => {
  expect(versionsIn(text, says)).toEqual(versions);
});

const cases = forms.flatMap((form) => form.names.map((name) => ({ ...form, name })));

it.each(cases)("$name has a sample of each version that was ever written", (form) => {
  const newest = Math.max(...versionsIn(sourceOf(form.file), form.says));
  expect(newest).toBeGreaterThan(0);
  for (let version = 1; version <= newest; version += 1) {
    expect(sampleFiles, `commit tests/samples/stored/${form.name}.v${version}.…`).toContainEqual(
      expect.stringMatching(new RegExp(`^${form.name}\\.v${version}\\.`)),
    );
  }
});

it("no stored shape carries a version that nothing here knows of", () => {
  const known = new Set([...forms.map(({ file }) => file), ...Object.keys(elsewhere)]);
  const versioned = Object.entries(sources)
    .filter(([, text]) => text.match(asLiteral) !== null)
    .map(([path]) => path.slice("../../".length));
  expect(versioned.filter((file) => !known.has(file))).toEqual([]);
  // …and none is listed that is gone.
  for (const file of known) expect(sourceOf(file)).not.toBe("");
});

it("every sample is of a form, or of a table, that is known", () => {
  const names = [...cases.map(({ name }) => name), "rate-limiter", ...Object.keys(env.MIGRATIONS).map((database) => `d1-${database}`)];
  expect(sampleFiles.filter((file) => !names.includes(file.split(".")[0] ?? ""))).toEqual([]);
});

describe.each(Object.entries(env.MIGRATIONS))("the database of %s", (database, migrations) => {
  it.each(migrations.map(({ name }) => name))("has a sample of its rows as %s left them", (name) => {
    expect(sampleFiles, "rows of all its tables, as they are written from this migration on").toContain(
      `d1-${database}.${name.slice(0, 4)}.json`,
    );
  });
});
