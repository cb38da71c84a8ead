/** Writes docs/openapi.json from the schemas and routes. With --check it writes nothing and fails when what is there is not what would be
 *  written, or when a route is not described. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const file = join(import.meta.dirname, "..", "docs", "openapi.json");

interface Described {
  readonly paths?: Readonly<Record<string, object>>;
}

const proxy = "/api/proxy";

/** The gateway's types stand on the Worker's globals, which redeclare Node's: it is taken by its address, with the shapes that matter here. */
async function gateway(): Promise<{ readonly routes: readonly Route[]; readonly document: Described }> {
  const load = async (path: string): Promise<Record<string, unknown>> =>
    (await import(new URL(path, import.meta.url).href)) as Record<string, unknown>;
  const { app } = await load("../gateway/app.ts");
  const { openApiDocument } = await load("../gateway/openapi/document.ts");
  const { proxyRoutes } = await load("../gateway/proxy/table.ts");
  const own = (app as { routes: readonly Route[] }).routes.filter(({ path }) => !path.startsWith(proxy));
  // One route of the app; what is behind it is in a table of its own.
  const behind = (proxyRoutes as readonly Route[]).map(({ method, path }) => ({ method, path: `${proxy}${path}` }));
  return { routes: [...own, ...behind], document: (openApiDocument as () => Described)() };
}

interface Route {
  readonly method: string;
  readonly path: string;
}

/** `GET /ops/channels`, for every route of the app; middleware and answers to wrong methods (ALL) are none. */
export function servedBy(routes: readonly Route[]): Set<string> {
  const served = routes.filter(({ method }) => method !== "ALL");
  return new Set(
    served.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}").replace(/\*$/, "{path}")}`),
  );
}

export function describedBy(document: Described): Set<string> {
  return new Set(
    Object.entries(document.paths ?? {}).flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)),
  );
}

/** One line for each route that is served and not described, or the other way round. */
export function differences(served: ReadonlySet<string>, described: ReadonlySet<string>): string[] {
  return [
    ...[...served].filter((route) => !described.has(route)).map((route) => `${route} is not described: gateway/openapi/paths/`),
    ...[...described].filter((route) => !served.has(route)).map((route) => `${route} is described, but there is no such route`),
  ];
}

if (import.meta.main) {
  const { routes, document } = await gateway();
  const expected = `${JSON.stringify(document, null, 2)}\n`;
  const wrong = differences(servedBy(routes), describedBy(document));
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exitCode = 1;
  if (!process.argv.includes("--check")) {
    writeFileSync(file, expected);
    console.log("wrote docs/openapi.json");
  } else if (!existsSync(file) || readFileSync(file, "utf8") !== expected) {
    console.error("docs/openapi.json is not what the routes say; run npm run openapi");
    process.exitCode = 1;
  }
}
