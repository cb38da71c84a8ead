/** Fails when README, AGENTS or a document cites a path, a file or an npm script that does not exist. */
import { dirname, join } from "node:path";
import { root } from "./environment.ts";
import { referencesIn } from "./references.ts";
import { documents, exists, fileNames, npmScripts, readText } from "./tree.ts";

/** The seed's map names paths and commands that shall not exist; tools/check-seed.ts knows which of its columns must. Its links count here. */
const checkedElsewhere = "docs/seed.md";

const names = fileNames();
const scripts = npmScripts();

function missingIn(document: string): string[] {
  const cited = referencesIn(readText(document));
  const folder = join(root, dirname(document));
  const links = cited.links.filter((link) => !exists(link, folder)).map((link) => `link to ${link}`);
  if (document === checkedElsewhere) return links;
  return [
    ...links,
    ...cited.paths.filter((path) => !exists(path)),
    ...cited.files.filter((name) => !names.has(name)),
    ...cited.scripts.filter((script) => !scripts.has(script)).map((script) => `npm script ${script}`),
  ];
}

const problems = documents().flatMap((document) => [...new Set(missingIn(document))].map((missing) => `${document}: ${missing}`));
for (const problem of problems) console.error(`${problem} does not exist`);
process.exitCode = problems.length > 0 ? 1 : 0;
