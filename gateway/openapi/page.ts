/** The OpenAPI document as a page to read: plain HTML without scripts, so that its content policy can forbid all of them. */
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly [key: string]: unknown;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema?: Schema;
  readonly description?: string;
}

interface Content {
  readonly [type: string]: { readonly schema?: Schema };
}

interface Answer {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Content;
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Content };
  readonly responses?: Readonly<Record<string, Answer>>;
}

export interface OpenApi {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas?: Readonly<Record<string, Schema>>;
    readonly responses?: Readonly<Record<string, Answer>>;
  };
}

interface Entry extends Operation {
  readonly method: string;
  readonly path: string;
}

const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--good:#188038;--bad:#b3261e}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
h1{margin-bottom:0}h2{border-bottom:1px solid var(--line);margin-top:2.5rem;padding-bottom:.25rem}
nav a{margin-right:1rem}code,pre{font:13px/1.5 ui-monospace,monospace}pre{background:var(--soft);overflow:auto;padding:.75rem;border-radius:6px}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.5rem .75rem}summary{cursor:pointer}
summary .method{display:inline-block;font-weight:700;width:4.5rem}summary small{opacity:.75;margin-left:.75rem}
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem .25rem 0;text-align:left;vertical-align:top}
.good{color:var(--good)}.bad{color:var(--bad)}
`;

/** The whole page. */
export function renderPage(document: OpenApi): Html {
  const { title, version, description } = document.info;
  const byTag = Map.groupBy(entriesOf(document), ({ tags }) => tags?.[0] ?? "Other");
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}: API</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body>
        <h1>${title} <small>${version}</small></h1>
        <p>${description ?? ""}</p>
        <nav>
          <a href="/openapi.json">openapi.json</a><a href="/asyncapi.json">asyncapi.json</a>${[...byTag.keys()].map(
            (tag) => html`<a href="#${tag}">${tag}</a>`,
          )}<a href="#schemas">Schemas</a>
        </nav>
        ${[...byTag].map(
          ([tag, entries]) =>
            html`<h2 id="${tag}">${tag}</h2>
              ${entries.map(renderOperation)}`,
        )}
        <h2 id="schemas">Schemas</h2>
        ${Object.entries(document.components.schemas ?? {}).map(
          ([name, schema]) =>
            html`<details id="schema-${name}">
              <summary><code>${name}</code></summary>
              ${renderSchema(schema)}
            </details>`,
        )}
      </body>
    </html>`;
}

function entriesOf({ paths }: OpenApi): Entry[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}

function renderOperation(entry: Entry): Html {
  return html`<details id="${entry.operationId ?? ""}">
    <summary>
      <code><span class="method">${entry.method}</span>${entry.path}</code><small>${entry.summary ?? ""}</small>
    </summary>
    <p>Credentials: ${credentialsOf(entry)}</p>
    ${entry.parameters === undefined ? "" : renderParameters(entry.parameters)}
    ${
      entry.requestBody === undefined
        ? ""
        : html`<h4>Body</h4>
            ${renderContent(entry.requestBody.content)}`
    }
    <h4>Answers</h4>
    <table>
      ${Object.entries(entry.responses ?? {}).map(([status, answer]) => renderAnswer(status, answer))}
    </table>
  </details>`;
}

function credentialsOf({ security = [] }: Operation): string {
  if (security.length === 0) return "none";
  return security.map((needed) => Object.keys(needed).join(" and ") || "none where it is public").join(", or ");
}

function renderParameters(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    ({ name, in: place, required, schema = {}, description }) =>
      html`<tr>
        <td><code>${name}</code></td>
        <td>${place}${required === true ? ", required" : ""}</td>
        <td>${description ?? ""}${renderSchema(schema)}</td>
      </tr>`,
  );
  return html`<h4>Parameters</h4>
    <table>
      ${rows}
    </table>`;
}

function renderAnswer(status: string, { $ref, description, content }: Answer): Html {
  const isGood = Number(status) < 400;
  const said = $ref === undefined ? html`${description ?? ""}${renderContent(content)}` : html`<a href="#schema-Failure">Failure</a>`;
  return html`<tr>
    <td class="${isGood ? "good" : "bad"}">${status}</td>
    <td>${said}</td>
  </tr>`;
}

function renderContent(content: Content = {}): Html {
  const parts = Object.entries(content).map(([type, { schema = {} }]) => html`<div><code>${type}</code>${renderSchema(schema)}</div>`);
  return html`${parts}`;
}

/** A name where the schema has one, else the schema itself. */
function renderSchema(schema: Schema): Html {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? html`<pre>${JSON.stringify(schema, null, 2)}</pre>` : html` <a href="#schema-${name}">${name}</a>`;
}
