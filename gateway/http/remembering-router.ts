/** Hono's router with a memory of the addresses that were asked for lately: which handlers an address has depends on nothing but the method and
 *  the path. The one of Hono's routers that takes all of our addresses walks a tree for each request. */
import type { Result, Router } from "hono/router";
import { SmartRouter } from "hono/router/smart-router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { Remembered } from "../../platform/remembered.ts";

/** The addresses of lists are few; those of single entities pass through. */
const addressesMax = 256;
const addressCharsMax = 128;

export class RememberingRouter<T> implements Router<T> {
  readonly name = "RememberingRouter";
  readonly #router = new SmartRouter<T>({ routers: [new RegExpRouter<T>(), new TrieRouter<T>()] });
  readonly #known = new Remembered<Result<T>>(addressesMax, addressCharsMax);

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    return this.#known.of(`${method} ${path}`, () => this.#router.match(method, path));
  }
}
