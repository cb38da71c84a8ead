declare module "*.toml?raw" {
  const text: string;
  export default text;
}

/** Bindings that only tests have. */
declare namespace Cloudflare {
  interface Env {
    MIGRATIONS: Record<"opportunities" | "strategies" | "metrics" | "sessions", import("cloudflare:test").D1Migration[]>;
  }
}
