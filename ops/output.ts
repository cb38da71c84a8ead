/** How results are shown: for people in tables, with --json as one document, or as NDJSON where they stream. Results go to stdout; what is said
 *  about them goes to stderr. */
import pc from "picocolors";
import type { Sink, World } from "./cli.ts";

export type Colors = ReturnType<typeof pc.createColors>;
export type Cell = string | number | boolean | undefined | null;

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => Cell;
  readonly align?: "right";
  /** Applied after padding: escape codes have no width. */
  readonly paint?: (text: string, row: T) => string;
}

export class Output {
  readonly json: boolean;
  /** For stdout. */
  readonly colors: Colors;
  readonly #stdout: Sink;
  readonly #stderr: Sink;

  constructor(
    { stdout, stderr, env }: Pick<World, "stdout" | "stderr" | "env">,
    options: { readonly json: boolean; readonly color: boolean },
  ) {
    this.json = options.json;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.colors = pc.createColors(stdout.isTTY && options.color && !options.json && (env["NO_COLOR"] ?? "") === "");
  }

  /** The result of a command: the document itself with --json, else as `render` says. */
  async result<T>(value: T, render: (value: T) => string): Promise<void> {
    await this.#stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : withNewline(render(value)));
  }

  async table<T>(rows: readonly T[], columns: readonly Column<T>[], none = "nothing"): Promise<void> {
    await this.result(rows, () => (rows.length === 0 ? none : renderTable(rows, columns, this.colors)));
  }

  /** One item of a stream: a line of NDJSON, or as `render` says. */
  async item<T>(value: T, render: (value: T) => string): Promise<void> {
    await this.#stdout.write(this.json ? `${JSON.stringify(value)}\n` : withNewline(render(value)));
  }

  /** Text that is the result as it stands. */
  async raw(text: string): Promise<void> {
    await this.#stdout.write(text);
  }

  /** Said to whoever watches, never part of the result. */
  async note(text: string): Promise<void> {
    await this.#stderr.write(withNewline(text));
  }
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

export function renderTable<T>(rows: readonly T[], columns: readonly Column<T>[], colors: Colors): string {
  const cells = rows.map((row) => columns.map(({ value }) => printable(value(row))));
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)));
  const pad = (text: string, index: number): string =>
    columns[index]?.align === "right" ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0);
  const header = columns.map(({ title }, index) => colors.dim(pad(title, index))).join("  ");
  const lines = rows.map((row, line) =>
    columns.map(({ paint }, index) => {
      const text = pad(cells[line]?.[index] ?? "", index);
      return paint === undefined ? text : paint(text, row);
    }),
  );
  return [header, ...lines.map((line) => line.join("  "))].map((line) => line.trimEnd()).join("\n");
}

/** Names and values, one pair a line. */
export function renderPairs(pairs: readonly (readonly [string, Cell])[]): string {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join("\n");
}

/** What came over the wire must not steer the terminal. */
export function printable(value: Cell): string {
  if (value === undefined || value === null) return "-";
  // oxlint-disable-next-line no-control-regex
  return String(value).replace(/[\u0000-\u001f\u007f-\u009f]/g, "\u{fffd}");
}
