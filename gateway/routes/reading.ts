/** Every address that only reads, mounted as one. */
import { Hono } from "hono";
import { channelRoutes } from "./channels.ts";
import { entityRoutes } from "./entities.ts";
import { opsRoutes } from "./ops.ts";

export const readingRoutes = new Hono<{ Bindings: Env }>().route("/", entityRoutes()).route("/", channelRoutes()).route("/", opsRoutes());
