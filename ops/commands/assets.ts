/** `arbx assets`: what /assets serves. An upload replaces nothing that was not seen, and a download is there whole or not at all. */
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import type { Column } from "../output.ts";
import { firstOf, wholeNumber } from "./arguments.ts";
import { digestOf, download, fileBlob } from "./assets-files.ts";

interface Asset {
  readonly path: string;
  readonly url: string;
  readonly bytes: number;
  readonly etag: string;
  readonly sha256?: string;
  readonly uploaded: string;
  readonly content_type: string;
  readonly cache_control: string;
}

const columns: readonly Column<Asset>[] = [
  { title: "PATH", value: ({ path }) => path },
  { title: "BYTES", value: ({ bytes }) => bytes, align: "right" },
  { title: "TYPE", value: ({ content_type: type }) => type },
  { title: "UPLOADED", value: ({ uploaded }) => uploaded },
];

/** Megabytes over a slow line, before the edge has anything to answer. */
const uploadTimeoutMs = 300_000;

export function registerAssets(program: Command, cli: Cli): void {
  const assets = program.command("assets").description("files that the edge serves under /assets");
  assets
    .command("ls")
    .description("what there is, by path")
    .argument("[prefix]", "only below it")
    .option("--limit <count>", "how many at most", wholeNumber(1, 100_000), 1_000)
    .action(async (prefix: string | undefined, { limit }: { limit: number }, command: Command) => {
      const { edge, output } = cli.open(command);
      await output.table(await firstOf<Asset>(edge, "/ops/assets", { limit, query: { prefix } }), columns, "no assets");
    });
  registerPut(assets, cli);
  registerGet(assets, cli);
  assets
    .command("rm")
    .description("deletes one; may come twice")
    .argument("<path>")
    .action(async (path: string, _options: object, command: Command) => {
      const { edge, output } = cli.open(command);
      const gone = await edge.send<{ deleted: boolean }>("DELETE", addressOf(path));
      await output.result(gone, ({ deleted }) => (deleted ? `${path} is deleted` : `${path} was not there`));
    });
}

function registerPut(assets: Command, cli: Cli): void {
  assets
    .command("put")
    .description("uploads a file; what is there already stays unless --replace")
    .argument("<file>")
    .argument("<path>", "where it is served, below /assets/")
    .option("--replace", "overwrites the one that is there now, and nothing newer")
    .addHelpText("after", "\nExample: arbx assets put logo.svg brand/logo.svg")
    .action(async (...[file, path, { replace = false }, command]: [string, string, { replace?: boolean }, Command]) => {
      const { edge, output, world } = cli.open(command);
      const blob = await fileBlob(world, file);
      const condition = replace ? { "if-match": (await edge.get<Asset>(addressOf(path))).etag } : { "if-none-match": "*" };
      const headers = { ...condition, "content-digest": `sha-256=:${await digestOf(blob, "base64")}:` };
      cli.whenInterrupted(() => `${path} is as it was: an upload counts when it is whole`);
      const stored = await edge.send<Asset>("PUT", addressOf(path), { raw: blob, headers, timeoutMs: uploadTimeoutMs });
      await output.result(stored, ({ url, bytes }) => `${url}, ${bytes} bytes`);
    });
}

function registerGet(assets: Command, cli: Cli): void {
  assets
    .command("get")
    .description("downloads one, and compares its hash")
    .argument("<path>")
    .option("--output <file>", 'where to; "-" for stdout; by default its name, here')
    .action(async (path: string, { output: to = path.split("/").at(-1) ?? path }: { output?: string }, command: Command) => {
      const { edge, output, world } = cli.open(command);
      const { sha256, bytes } = await edge.get<Asset>(addressOf(path));
      const { body } = await edge.open("GET", `/assets/${encoded(path)}`, { headers: { accept: "*/*" } });
      cli.whenInterrupted(() => (to === "-" ? "what was written is not whole" : `${to} is as it was`));
      const got = await download(world, body, { to, sha256 });
      if (got !== bytes) throw new CliError("failed", `${path} has ${bytes} bytes, ${got} came`, { code: "ASSET_DAMAGED" });
      if (to !== "-") await output.result({ path, file: to, bytes: got, sha256 }, () => `${to}, ${got} bytes`);
    });
}

function addressOf(path: string): string {
  return `/ops/assets/${encoded(path)}`;
}

function encoded(path: string): string {
  return path.replace(/^\/+/, "").split("/").map(encodeURIComponent).join("/");
}
