/** The Worker under test. */
export { Channel, Relay, default } from "../../worker.ts";
