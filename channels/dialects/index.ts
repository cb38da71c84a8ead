/** The dialects by name. A socket of `/ws` starts undecided (`pending`): it is read as native until it shows what it speaks. */
import { centrifugo } from "./centrifugo.ts";
import type { Dialect } from "./dialect.ts";
import { legacy } from "./legacy.ts";
import { native } from "./native.ts";

export const dialects = { native, legacy, centrifugo } satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof dialects;
