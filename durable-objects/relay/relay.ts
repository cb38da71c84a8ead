import { DurableObject } from "cloudflare:workers";
export class Relay extends DurableObject {}
