/** What R2 deletes by itself. Events are never among it: their retention knows legal holds (workflows/compaction), a lifecycle rule does not. */
import type { CloudflareApi, LifecycleRule } from "./api.ts";
import { nameIn } from "./resources.ts";
import type { BaseConfig } from "./resources.ts";
import type { Environment } from "./environment.ts";

const daySeconds = 86_400;

/** Parts of an upload that nobody finished are billed like objects. */
const unfinished: LifecycleRule = {
  id: "abort-unfinished-uploads",
  enabled: true,
  conditions: { prefix: "" },
  abortMultipartUploadsTransition: { condition: { type: "Age", maxAge: 7 * daySeconds } },
};

export interface BucketRules {
  readonly bucket: string;
  readonly rules: readonly LifecycleRule[];
}

export function lifecycleRules(config: BaseConfig, environment: Environment): BucketRules[] {
  return config.r2_buckets.map(({ binding, bucket_name }) => ({
    bucket: nameIn(environment, bucket_name ?? binding),
    rules: [unfinished],
  }));
}

/** Buckets whose rules are not what they should be. */
export async function outdatedRules(api: CloudflareApi, wanted: readonly BucketRules[]): Promise<BucketRules[]> {
  const present = await Promise.all(wanted.map(({ bucket }) => api.lifecycle(bucket)));
  return wanted.filter(({ rules }, index) => !isSame(present[index], rules));
}

/** By value: the order of fields is the API's own. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
