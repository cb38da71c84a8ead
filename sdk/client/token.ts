/** Asks the application for a token, and does not wait for ever. */
import { EdgeError } from "./errors.ts";

/** A provider that hangs must not hold the reconnect for good; the next attempt asks again. */
const tokenTimeoutMs = 15_000;

export function tokenProvider(provide: (() => Promise<string | undefined>) | undefined): () => Promise<string | undefined> {
  return async () => {
    if (provide === undefined) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new EdgeError("TOKEN_UNAVAILABLE", "the token provider did not answer in time")), tokenTimeoutMs);
    });
    try {
      const token = await Promise.race([provide(), late]);
      return token === "" ? undefined : token;
    } finally {
      clearTimeout(timer);
    }
  };
}
