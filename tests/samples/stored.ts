/** The committed samples: each thing that the edge stores or sends through a queue, in each form it was ever written in, as it was written.
 *  What they must become is in the tests beside this; that none is missing is forms.test.ts's. */

const texts = import.meta.glob<string>("./stored/*", { query: "?raw", import: "default", eager: true });

function textOf(file: string): string {
  const text = texts[`./stored/${file}`];
  if (text === undefined) throw new Error(`there is no sample tests/samples/stored/${file}`);
  return text;
}

/** Names of the files, sorted. */
export const sampleFiles: readonly string[] = Object.keys(texts)
  .map((path) => path.slice("./stored/".length))
  .sort();

/** Every sample of a thing: `queue-inbox` has `queue-inbox.v1.txt` and perhaps more. */
export function filesOf(name: string): readonly string[] {
  const files = sampleFiles.filter((file) => file.startsWith(`${name}.`));
  if (files.length === 0) throw new Error(`there is no sample of ${name} in tests/samples/stored`);
  return files;
}

/** A queue's message. */
export function messageOf(file: string): string {
  return textOf(file);
}

export function jsonOf<T>(file: string): T {
  return JSON.parse(textOf(file)) as T;
}

/** An object of R2 that holds JSON. */
export interface StoredJson {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** …and one that holds bytes. */
export interface StoredBytes {
  readonly key: string;
  readonly metadata?: Record<string, string>;
  readonly base64: string;
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Rows by table; a blob is `{"base64":…}`. */
export type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** An object's SQLite as it lay: the statements that made its tables, and their rows. */
export interface StoredTables {
  readonly tables: readonly string[];
  readonly rows: Rows;
}

/** Of what writes the next version: a deploy that was taken back. */
export function nextVersion<T extends object>(value: T): T {
  return { ...value, v: 2 };
}
