/** Brings an upload into R2 as it comes: nothing of it is held, nothing of a broken one is stored. */
import { AppError, messageOf } from "../../platform/errors.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import { DigestError, findAsset, putAsset } from "../../stores/assets.ts";
import type { AssetFacts } from "../../stores/assets.ts";
import { ask } from "../http/ask.ts";
import type { UploadHead } from "./upload.ts";

export interface ReceiveDeps {
  readonly bucket: R2Bucket;
  readonly timeoutMs: number;
}

export interface Received {
  readonly facts: AssetFacts;
  /** False: the very same was there, so the upload came twice. */
  readonly isNew: boolean;
}

/** Throws CONFLICT (412) when the condition does not hold, INVALID_PARAMETERS for a body that is not what was announced or ended early (400)
 *  or took too long (408), UPSTREAM_UNAVAILABLE when R2 does not take it. */
export async function receiveAsset(
  key: string,
  upload: UploadHead & { readonly body: ReadableStream<Uint8Array> },
  { bucket, timeoutMs }: ReceiveDeps,
): Promise<Received> {
  const { bytes, sha256, condition } = upload;
  const sized = new FixedLengthStream(bytes);
  const feed = new Feed(upload.body, sized.writable);
  const put = putAsset(bucket, key, { body: sized.readable, condition, sha256 });
  void feed.run(bytes);
  try {
    const facts = await withTimeout(put, timeoutMs, "the sender");
    return facts === undefined ? await unlessRepeated(key, sha256, bucket) : { facts, isNew: true };
  } catch (error) {
    throw failureOf(error, feed.fault);
  } finally {
    // Whatever is still to come is not wanted: R2 has it all, or has refused it.
    feed.stop("not wanted any more");
  }
}

/** Hands the body on piece by piece. Not pipeTo: that neither tells a body that ends early from a store that fails, nor leaves a sender who
 *  is silent. */
class Feed {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What was wrong with the body, once it was. */
  fault: string | undefined;

  constructor(body: ReadableStream<Uint8Array>, sink: WritableStream<Uint8Array>) {
    this.#reader = body.getReader();
    this.#writer = sink.getWriter();
    // How it ends is told by what R2 says of the other side.
    this.#writer.closed.catch(() => undefined);
  }

  /** Never throws. A fault ends the other side, so that R2 stores nothing. */
  async run(bytes: number): Promise<void> {
    try {
      this.fault = await this.#hand(bytes);
    } catch (error) {
      this.fault = `the body broke off: ${messageOf(error)}`;
    }
    if (this.fault !== undefined) this.stop(this.fault);
  }

  stop(reason: string): void {
    this.#reader.cancel(reason).catch(() => undefined);
    this.#writer.abort(new Error(reason)).catch(() => undefined);
  }

  async #hand(bytes: number): Promise<string | undefined> {
    let sent = 0;
    for (let read = await this.#reader.read(); !read.done; read = await this.#reader.read()) {
      sent += read.value.byteLength;
      if (sent > bytes) return "the body goes on beyond its content-length";
      await this.#writer.write(read.value);
    }
    if (sent < bytes) return `the body ended after ${sent} of ${bytes} bytes`;
    await this.#writer.close();
    return undefined;
  }
}

/** An answer may get lost on its way: the sender asks again, and what it wanted is there. */
async function unlessRepeated(key: string, sha256: string | undefined, bucket: R2Bucket): Promise<Received> {
  const there = await ask(findAsset(bucket, key), { what: "the assets' store" });
  if (there !== undefined && sha256 !== undefined && there.sha256 === sha256) return { facts: there, isNew: false };
  throw new AppError(
    "CONFLICT",
    there === undefined ? "there is no such asset to replace" : "the asset is not the one the precondition names",
    {
      status: 412,
      details: { etag: there?.etag ?? null },
    },
  );
}

function failureOf(error: unknown, fault: string | undefined): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof DigestError)
    return new AppError("INVALID_PARAMETERS", "content-digest: the body is another", { details: { parameter: "content-digest" } });
  if (error instanceof TimeoutError)
    return new AppError("INVALID_PARAMETERS", "the body did not arrive in time", { status: 408, cause: error });
  if (fault !== undefined)
    return new AppError("INVALID_PARAMETERS", "the body is not what its content-length says, or broke off", { cause: fault });
  return new AppError("UPSTREAM_UNAVAILABLE", "the assets' store did not take it", { cause: messageOf(error), retryAfterSeconds: 1 });
}
