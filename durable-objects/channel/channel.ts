import { DurableObject } from "cloudflare:workers";
export class Channel extends DurableObject {}
