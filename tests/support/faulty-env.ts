/** The Worker's bindings, with the faults of tests/support/faults.ts before D1 and R2. */
import { currentFaults } from "./faults.ts";

const wrapped = new WeakMap<Env, Env>();

export function faultyEnv(env: Env): Env {
  const known = wrapped.get(env);
  if (known !== undefined) return known;
  const fresh = new Proxy(env, {
    get: (target, name) => {
      const binding: unknown = Reflect.get(target, name);
      if (typeof name === "string" && name.endsWith("_DB")) return faultyD1(name, binding as D1Database);
      return name === "EDGE_LOGS" ? faultyR2(binding as R2Bucket) : binding;
    },
  });
  wrapped.set(env, fresh);
  return fresh;
}

const reaching = new Set<PropertyKey>(["prepare", "batch", "exec", "withSession"]);

function faultyD1(name: string, database: D1Database): D1Database {
  return new Proxy(database, {
    get: (target, property) => {
      if (reaching.has(property)) currentFaults().d1?.(name, property);
      return bound(target, property);
    },
  });
}

function faultyR2(bucket: R2Bucket): R2Bucket {
  return new Proxy(bucket, {
    get: (target, property) => {
      if (property !== "put") return bound(target, property);
      return (...args: Parameters<R2Bucket["put"]>) => {
        const send = (): Promise<unknown> => target.put(...args);
        return currentFaults().r2Put?.(args[0], send) ?? send();
      };
    },
  });
}

function bound(target: object, property: PropertyKey): unknown {
  const value: unknown = Reflect.get(target, property);
  return typeof value === "function" ? value.bind(target) : value;
}
