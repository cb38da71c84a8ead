/** The OpenAPI 3.1 document of all routes, made from the schemas the routes themselves use. `npm run openapi` writes it to docs/openapi.json,
 *  which the Worker serves: generating it is no work for an isolate. */
import { z } from "zod";
import { createDocument } from "zod-openapi";
import { securitySchemes } from "./parts.ts";
import { assetPaths } from "./paths/assets.ts";
import { backupPaths } from "./paths/backups.ts";
import { cachePaths } from "./paths/cache.ts";
import { deadLetterPaths } from "./paths/dead-letters.ts";
import { ingestPaths } from "./paths/ingest.ts";
import { logPaths } from "./paths/logs.ts";
import { operatingPaths } from "./paths/operating.ts";
import { proxyPaths } from "./paths/proxy.ts";
import { readingPaths } from "./paths/reading.ts";
import { replayPaths } from "./paths/replays.ts";
import { rulesPaths } from "./paths/rules.ts";
import { securityPaths } from "./paths/security.ts";
import { systemPaths } from "./paths/system.ts";

const description = [
  "Contabo posts events, clients read what they come to and subscribe to what happens next, operators watch and repair.",
  "Success is `{success: true, data}`, failure `{success: false, error: {code, message}}` with a stable code.",
  "Sockets and event streams are described by `/asyncapi.json`.",
].join(" ");

/** A schema that checks text and normalises it (money, times) answers text. */
function normalised({ jsonSchema, zodSchema }: { jsonSchema: { type?: unknown }; zodSchema: unknown }): void {
  if (zodSchema instanceof z.ZodPipe && Object.keys(jsonSchema).length === 0) jsonSchema.type = "string";
}

export function openApiDocument(): ReturnType<typeof createDocument> {
  return createDocument(
    {
      openapi: "3.1.0",
      info: { title: "ArbitrageX Edge", version: "1.0.0", description },
      servers: [{ url: "/" }],
      paths: {
        ...ingestPaths,
        ...readingPaths,
        ...proxyPaths,
        ...logPaths,
        ...operatingPaths,
        ...deadLetterPaths,
        ...backupPaths,
        ...replayPaths,
        ...assetPaths,
        ...rulesPaths,
        ...cachePaths,
        ...securityPaths,
        ...systemPaths,
      },
      components: { securitySchemes },
    },
    { override: normalised },
  );
}
