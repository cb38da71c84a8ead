/** Stands between a client and the edge and compares every answer with the OpenAPI document: operation, status, content type and body must be
 *  described. What differs is collected, never changed. In Node, because ajv compiles code, which the Workers runtime forbids. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ValidateFunction } from "ajv/dist/2020.js";

interface Content {
  readonly [type: string]: { readonly schema?: object };
}

interface Answer {
  readonly $ref?: string;
  readonly content?: Content;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Answer>> }>>>>;
  readonly components: { readonly responses?: Readonly<Record<string, Answer>> };
}

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** What an address or method that does not exist is answered; under /ops a stranger does not even learn that. 204 is a preflight. */
const undescribed = new Set([204, 401, 404, 405]);

/** What is wrong with an answer by the document; empty when it is as described. */
export type Judge = (exchange: Exchange) => string[];

export function judgeBy(document: Document): Judge {
  const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema({ ...document, $id: "openapi" });
  const compiled = new Map<string, ValidateFunction>();
  const templates = Object.keys(document.paths)
    .map((path) => ({ path, pattern: patternOf(path) }))
    // What is named in full is meant before what a name in braces would take.
    .toSorted((a, b) => (a.path.match(/\{/g)?.length ?? 0) - (b.path.match(/\{/g)?.length ?? 0));
  const validatorOf = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
    compiled.set(pointer, known);
    return known;
  };
  return ({ method, path, status, contentType, body }) => {
    const template = templates.find(({ pattern }) => pattern.test(path))?.path;
    if (template === undefined) return undescribed.has(status) ? [] : [`${path} is not described and was answered ${status}`];
    const asked = method === "HEAD" ? "get" : method.toLowerCase();
    const operation = document.paths[template]?.[asked];
    if (operation === undefined) return undescribed.has(status) ? [] : [`${method} ${template} is not described: ${status}`];
    const where = `${method} ${template} ${status}`;
    const said = operation.responses[`${status}`];
    if (said === undefined) return [`${where}: this status is not described`];
    const shared = said.$ref?.replace("#", "");
    const answer = shared === undefined ? said : document.components.responses?.[shared.split("/").at(-1) ?? ""];
    const types = Object.keys(answer?.content ?? {});
    if (types.length === 0 || method === "HEAD")
      return body.length === 0 ? [] : [`${where}: a body of ${body.length} bytes is not described`];
    const type = contentType.split(";")[0]?.trim() ?? "";
    if (!types.includes(type)) return [`${where}: ${type || "no content type"} is not described (${types.join(", ")})`];
    if (type !== "application/json") return [];
    const base = shared ?? `/paths/${escape(template)}/${asked}/responses/${status}`;
    const validate = validatorOf(`${base}/content/application~1json/schema`);
    if (validate(JSON.parse(body.toString("utf8")))) return [];
    return (validate.errors ?? []).map((error) => `${where}: ${error.instancePath} ${error.message ?? ""} ${JSON.stringify(error.params)}`);
  };
}

function patternOf(template: string): RegExp {
  const source = template.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${source.replaceAll("{path}", ".+").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}

function escape(pointer: string): string {
  return encodeURIComponent(pointer.replaceAll("~", "~0").replaceAll("/", "~1"));
}

export class ValidatingProxy {
  /** One line for each answer that is not as described. */
  readonly findings: string[] = [];
  /** `GET /api/events 401` of every exchange seen. */
  readonly seen = new Set<string>();
  readonly #server: Server;
  readonly #edgeUrl: string;
  readonly #judge: Judge;

  private constructor(edgeUrl: string, judge: Judge) {
    this.#edgeUrl = edgeUrl;
    this.#judge = judge;
    this.#server = createServer((request, response) => this.#serve(request, response)).listen(0, "127.0.0.1");
  }

  static async start(edgeUrl: string, judge: Judge): Promise<ValidatingProxy> {
    const proxy = new ValidatingProxy(edgeUrl, judge);
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  end(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** A server that refuses a body without reading it may close the connection (RFC 9112, 9.6): whoever is cut off asks again. */
  async #ask(url: string, init: RequestInit, attempts = 5): Promise<{ readonly answer: Response; readonly answered: Buffer }> {
    try {
      const answer = await fetch(`${this.#edgeUrl}${url}`, init);
      return { answer, answered: Buffer.from(await answer.arrayBuffer()) };
    } catch (error) {
      if (attempts <= 1) throw error;
      return await this.#ask(url, init, attempts - 1);
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#forward(request, response).catch((error: unknown) => {
      this.findings.push(`${request.method ?? ""} ${request.url ?? ""}: ${String(error)}`);
      response.writeHead(502).end();
    });
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    const sent: Buffer[] = [];
    for await (const chunk of request) sent.push(chunk as Buffer);
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      // What belongs to this connection; the encodings are left out so that bodies can be read.
      if (["connection", "host", "content-length", "transfer-encoding", "accept-encoding", "expect"].includes(name)) continue;
      headers.set(name, String(value));
    }
    const body = sent.length === 0 ? null : new Uint8Array(Buffer.concat(sent));
    const { answer, answered } = await this.#ask(url, { method, headers, body, redirect: "manual" });
    const path = decodeURI(url.split("?")[0] ?? "/");
    const contentType = answer.headers.get("content-type") ?? "";
    this.seen.add(`${method} ${path} ${answer.status}`);
    this.findings.push(...this.#judge({ method, path, status: answer.status, contentType, body: answered }));
    response.writeHead(answer.status, { "content-type": contentType });
    response.end(answered);
  }
}
