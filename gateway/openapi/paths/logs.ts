/** The hours of the log: their state, and looking at one again. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { Manifest, PositionRange } from "../../../schemas/manifest.ts";
import { HoldBody, HoldName } from "../../routes/ops-log-holds.ts";
import { LogHourBody, LogHoursQuery } from "../../routes/ops-log-hours.ts";
import { failures, jsonBody, ok, operators } from "../parts.ts";

const Hour = z.object({
  hour: z.iso.datetime(),
  state: z.enum(["raw", "compacted", "dirty", "quarantined"]),
  raw_objects: z.int(),
  raw_unlisted: z.int().describe("raw objects that the manifest does not know: they came later"),
  manifest: Manifest.omit({ v: true, stream: true, hour: true, parts: true, sources: true })
    .extend({ parts: z.int(), sources: z.int() })
    .optional(),
});

const ShownHold = z.object({
  name: z.string(),
  reason: z.string(),
  stream: z.string().optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
});

const Report = z.object({
  stream: z.string(),
  hours: z.array(Hour).describe("those of which anything is held"),
  complete: z.boolean().nullable().describe("null while an hour has to be read to tell"),
  missing: z.array(PositionRange),
  quarantine: z.array(z.object({ copy: z.string(), key: z.string(), reason: z.string(), bytes: z.int(), at: z.iso.datetime() })),
  holds: z.array(ShownHold).describe("what may not be deleted"),
});

const HoldParams = z.object({ name: HoldName });

const common = { tags: ["Operating"], security: operators };

export const logPaths: ZodOpenApiPathsObject = {
  "/ops/logs/hours": {
    get: {
      ...common,
      operationId: "getLogHours",
      summary: "In which state each hour of a stream's log is, and whether its positions are complete",
      requestParams: { query: LogHoursQuery },
      responses: { "200": ok("at most a week of hours", Report), ...failures(401, 504) },
    },
    post: {
      ...common,
      operationId: "markLogHour",
      summary: "Look at an hour again: the next cron compacts it if it holds what its manifest does not",
      requestBody: jsonBody(LogHourBody),
      responses: { "202": ok("marked", z.object({ stream: z.string(), hour: z.iso.datetime() })), ...failures(401, 504) },
    },
  },
  "/ops/logs/holds": {
    get: {
      ...common,
      operationId: "listHolds",
      summary: "Legal holds: what of the log may not be deleted, and why",
      responses: { "200": ok("all of them", z.array(ShownHold)), ...failures(401, 504) },
    },
  },
  "/ops/logs/holds/{name}": {
    put: {
      ...common,
      operationId: "placeHold",
      summary: "Keep what these hours hold until the hold is released",
      requestParams: { path: HoldParams },
      requestBody: jsonBody(HoldBody),
      responses: { "200": ok("it holds from now on", ShownHold), ...failures(401, 504) },
    },
    delete: {
      ...common,
      operationId: "releaseHold",
      summary: "End a hold: the next cron deletes what has had its time",
      requestParams: { path: HoldParams },
      responses: { "200": ok("released", ShownHold), ...failures(401, 404, 504) },
    },
  },
};
