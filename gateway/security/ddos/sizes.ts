/** What a request may be before anybody reads it: its address, its headers, and the body it announces. A body that announces nothing is
 *  bounded where it is read. Pure. */
import { AppError } from "../../../platform/errors.ts";
import { headerCharsMax, urlCharsMax } from "../../../schemas/limits-requests.ts";
import { requestBytesMax, streamBytesMax } from "../../../schemas/limits.ts";
import type { RouteClass } from "../rate-limit/classes.ts";

/** Undefined where the route has its own bound: operators upload assets. */
const bodyBytesMax: Readonly<Record<RouteClass, number | undefined>> = {
  ingest: streamBytesMax,
  ops: undefined,
  read: requestBytesMax,
  write: requestBytesMax,
  assets: requestBytesMax,
  mint: requestBytesMax,
  socket: 0,
};

/** Throws INVALID_PARAMETERS (414, 431) or PAYLOAD_TOO_LARGE. */
export function requireSizes({ url, headers }: Request, routeClass: RouteClass): void {
  if (url.length > urlCharsMax) {
    throw new AppError("INVALID_PARAMETERS", `the address is longer than ${urlCharsMax} characters`, { status: 414 });
  }
  let chars = 0;
  for (const [name, value] of headers) chars += name.length + value.length;
  if (chars > headerCharsMax) {
    throw new AppError("INVALID_PARAMETERS", `the headers are longer than ${headerCharsMax} characters`, { status: 431 });
  }
  const announced = headers.get("content-length");
  const bytesMax = bodyBytesMax[routeClass];
  if (announced === null || bytesMax === undefined || Number(announced) <= bytesMax) return;
  throw new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes`, { details: { bytes_max: bytesMax } });
}
