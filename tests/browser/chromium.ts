/** A real Chromium, and a server for the bundled page. The development edge lets pages of localhost:5173 call it, so that is the page's origin,
 *  whatever port its server got. */
import { existsSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { build } from "esbuild";
import { chromium, type Browser } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
export const origin = "http://localhost:5173";

/** Without a browser the tests are left out, but not where nobody would notice. */
export function hasChromium(): boolean {
  if (existsSync(executablePath)) return true;
  if (process.env["CI"] === "true") throw new Error(`CI=true needs Chromium at ${executablePath}: install it, or set CHROMIUM_PATH`);
  return false;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ["tests/browser/page.tsx"],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

export interface Stage {
  readonly browser: Browser;
  end(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const script = await bundle();
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(
      isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>',
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", `--host-resolver-rules=MAP localhost:5173 127.0.0.1:${address.port}`],
  });
  const end = async (): Promise<void> => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  };
  return { browser, end };
}
