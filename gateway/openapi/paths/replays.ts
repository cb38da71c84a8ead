/** Replays of the log. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { Replay as ReplayShape } from "../../../schemas/replay.ts";
import { ReplayBody } from "../../replays/body.ts";
import { ReplayQuery } from "../../routes/ops-replays.ts";
import { failures, jsonBody, ok, operators, page, pathName } from "../parts.ts";

const Replay = ReplayShape.meta({ id: "Replay" });
const common = { tags: ["Operating"], security: operators };
const id = pathName("id", "of the replay");

export const replayPaths: ZodOpenApiPathsObject = {
  "/ops/replays": {
    get: {
      ...common,
      operationId: "listReplays",
      summary: "Replays of the last month, newest first",
      requestParams: { query: ReplayQuery },
      responses: { "200": page("a page", z.array(Replay)), ...failures(401, 504) },
    },
    post: {
      ...common,
      operationId: "startReplay",
      summary: "Replay a window of the log: into a channel of its own, into D1, or only counted",
      requestBody: jsonBody(ReplayBody),
      responses: { "202": ok("it begins", Replay), ...failures(401, 409, 504) },
    },
  },
  "/ops/replays/{id}": {
    get: {
      ...common,
      operationId: "getReplay",
      summary: "How far a replay is, and what came of it",
      requestParams: { path: id },
      responses: { "200": ok("the replay", Replay), ...failures(401, 504) },
    },
    delete: {
      ...common,
      operationId: "cancelReplay",
      summary: "Cancel a replay: a running one stops within seconds. It can be resumed",
      requestParams: { path: id },
      responses: { "200": ok("cancelled, or told to stop", Replay), ...failures(401, 409, 504) },
    },
  },
  "/ops/replays/{id}/pause": {
    post: {
      ...common,
      operationId: "pauseReplay",
      summary: "Pause a replay: it stops within seconds and keeps its position",
      requestParams: { path: id },
      responses: { "200": ok("paused, or told to", Replay), ...failures(401, 409, 504) },
    },
  },
  "/ops/replays/{id}/resume": {
    post: {
      ...common,
      operationId: "resumeReplay",
      summary: "Go on behind the last position: what was paused, what failed, what was cancelled",
      requestParams: { path: id },
      responses: { "200": ok("it goes on", Replay), ...failures(401, 409, 504) },
    },
  },
};
