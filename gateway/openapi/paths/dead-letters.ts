/** What operators do about messages that could not be processed. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { DiscardBody, LetterId, letterStates, RedriveBody, RedriveManyBody } from "../../../schemas/dead-letter.ts";
import { LetterQuery } from "../../routes/ops-dead-letters.ts";
import { failures, jsonBody, ok, operators, page, pathName } from "../parts.ts";

const Letter = z
  .object({
    id: LetterId,
    queue: z.string().describe("which it was read from"),
    reason: z.string(),
    state: z.enum(letterStates),
    parked_at: z.iso.datetime(),
    bytes: z.int(),
    attempts: z.int().optional(),
    parks: z.int().describe("times it was kept: more than one when it failed again"),
    redrives: z.int(),
    handled_at: z.iso.datetime().optional(),
    positions: z.object({ stream: z.string(), epoch: z.string(), first: z.int(), last: z.int() }).optional(),
  })
  .meta({ id: "DeadLetter" });

const WholeLetter = Letter.extend({
  events: z.array(z.unknown()).optional().describe("where they can be read"),
  unreadable: z.string().optional(),
  body: z.unknown().optional(),
});
const Redriven = z.object({ id: LetterId, queue: z.enum(["inbox", "hot-cache", "event-log"]), redrives: z.int() });

const common = { tags: ["Operating"], security: operators };
const id = pathName("id", "of the dead letter");

export const deadLetterPaths: ZodOpenApiPathsObject = {
  "/ops/dead-letters": {
    get: {
      ...common,
      operationId: "listDeadLetters",
      summary: "What could not be processed, and why",
      requestParams: { query: LetterQuery },
      responses: { "200": page("a page", z.array(Letter)), ...failures(401, 504) },
    },
  },
  "/ops/dead-letters/redrive": {
    post: {
      ...common,
      operationId: "redriveDeadLetters",
      summary: "Send many again as they are: those named, or the oldest that wait",
      requestBody: jsonBody(RedriveManyBody),
      responses: {
        "202": ok(
          "sent to their queues",
          z.object({ redriven: z.array(Redriven), failed: z.array(z.object({ id: LetterId, reason: z.string() })) }),
        ),
        ...failures(401, 504),
      },
    },
  },
  "/ops/dead-letters/discard": {
    post: {
      ...common,
      operationId: "discardDeadLetters",
      summary: "Give letters up, and say why: they are kept, and wait no longer",
      requestBody: jsonBody(DiscardBody),
      responses: { "200": ok("given up", z.object({ discarded: z.array(LetterId), unknown: z.array(LetterId) })), ...failures(401, 504) },
    },
  },
  "/ops/dead-letters/{id}": {
    get: {
      ...common,
      operationId: "getDeadLetter",
      summary: "A dead letter with its events",
      requestParams: { path: id },
      responses: { "200": ok("the letter", WholeLetter), ...failures(401, 504) },
    },
  },
  "/ops/dead-letters/{id}/redrive": {
    post: {
      ...common,
      operationId: "redriveDeadLetter",
      summary: "Send a letter again, as it is or corrected; a correction keeps its positions",
      requestParams: { path: id },
      requestBody: jsonBody(RedriveBody),
      responses: { "202": ok("sent to its queue", Redriven), ...failures(401, 504) },
    },
  },
};
