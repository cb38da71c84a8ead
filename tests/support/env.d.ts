/** Bindings that only tests have. */
declare namespace Cloudflare {
  interface Env {
    MIGRATIONS: Record<"opportunities" | "strategies" | "metrics" | "sessions", import("cloudflare:test").D1Migration[]>;
  }
}
