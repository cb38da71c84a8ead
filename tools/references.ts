/** What a Markdown text cites: paths of this repository (in links and in backticks) and npm scripts. Pure; what exists is for the caller. */

export interface References {
  /** Targets of relative links, as written, without their #anchor. */
  readonly links: readonly string[];
  /** Paths from the root, possibly globs (`tests/e2e/*.test.ts`, `schemas/d1/{a,b}.sql`). */
  readonly paths: readonly string[];
  /** Bare file names (`limits.ts`): somewhere in the tree. */
  readonly files: readonly string[];
  /** Names of npm scripts. */
  readonly scripts: readonly string[];
}

/** A text in backticks is a path when it starts with one of these folders. Not in it: folders of the owner's seed that this project
 *  does not have (docs/seed.md is checked by its own tool). */
const folders = new Set(
  (
    "schemas gateway producers consumers durable-objects channels stores analytics platform workflows " +
    "deploy sdk dashboard ops demo tests bench docs tools .ci .github"
  ).split(" "),
);
const fileName = /^[\w.-]+\.(?:ts|tsx|mjs|sql|toml|json|jsonc|md|sh)$/;
const pathLike = /^[\w.-]+\/[\w.*{},/-]*$/;

export function referencesIn(markdown: string): References {
  const prose = markdown.replace(/^```[^]*?^```/gm, "");
  const quoted = matches(prose, /`([^`\n]+)`/g);
  return {
    links: matches(prose, /\]\(([^)\s]+)\)/g)
      .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
      .map((target) => target.replace(/#.*$/, "")),
    paths: quoted.filter((text) => pathLike.test(text) && folders.has(text.split("/")[0] ?? "")),
    files: quoted.filter((text) => fileName.test(text)),
    // Commands count in code blocks too.
    scripts: [...matches(markdown, /\bnpm run ([\w:-]+)/g), ...matches(markdown, /\bnpm (test|start)\b/g)],
  };
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}
