/** A run's outcome in lines for a terminal. Pure. */
import { bytes, count, dollars, ms, percent, table } from "./format.ts";
import { offMsMax } from "./tally.ts";
import { total, type CostLine } from "./cost.ts";
import type { Outcome, RegionOutcome, WorstPath } from "./outcome.ts";
import { sendingShare, type Limit } from "./saturation.ts";

export function renderOutcome(outcome: Outcome): string {
  const sections = [assumptions(outcome), placement(outcome), traffic(outcome), cost(outcome), order(outcome), saturation(outcome)];
  return sections.map(([title, ...lines]) => [title, ...lines.map((line) => `  ${line}`)].join("\n")).join("\n\n");
}

function assumptions({ options }: Outcome): string[] {
  const { subscribers, regions, home, rate, batch, seconds, loss, jitter, filters, batchFrames, seed } = options;
  const { callUs, postUs, postEventUs, sendUs, frameEventUs, eventBytes, relaySockets } = options;
  return [
    `${count(subscribers)} subscribers · ${regions.length} regions, channel in ${home} · ${count(rate)} events/s in posts of ${batch} · ${seconds} s · loss ${percent(loss)} · seed ${seed}`,
    `run as they are: placement, shards, tree, cursors, relay states, windows, recovery. Assumed: distances and countries (simulate/geography.ts, illustrative, jitter ${percent(jitter)});`,
    `${percent(filters)} on one of 8 chains, ${percent(batchFrames)} take batch frames; events of ${count(eventBytes)} B; a relay is full at ${count(relaySockets)} sockets; one thread an object;`,
    `CPU: call ${callUs} µs at each end, post ${postUs} + ${postEventUs} µs an event, send ${sendUs} µs a socket, ${frameEventUs} µs an event in a batch frame (whence: --help)`,
  ];
}

function placement({ regions, all, relays, isTree, refused }: Outcome): string[] {
  const rows = [...regions, { ...all, region: "all" }].map((row) => regionCells(row));
  const head = ["region", "relays", "sockets", "fullest", "p50 ms", "p99 ms", "worst ms"];
  const tree = isTree ? "one relay per region carries for up to 32 others" : "each is called by the hub";
  return [
    `Placement: ${relays} relays, ${tree}; delay from post to socket`,
    ...table([head, ...rows]),
    ...(refused > 0 ? [`REFUSED: ${count(refused)} clients found no relay with room`] : []),
  ];
}

function regionCells({
  region,
  relays,
  sockets,
  fullest,
  p50Ms,
  p99Ms,
  maxMs,
}: Omit<RegionOutcome, "region"> & { region: string }): string[] {
  return [region, count(relays), count(sockets), count(fullest), ms(p50Ms), ms(p99Ms), ms(maxMs)];
}

function traffic({ counts, seconds, worst, lostCalls, longestFlushMs, busy }: Outcome): string[] {
  const { posts, directCalls, carriedCalls, failedCalls, latePosts, rowsDirect, rowsCarried } = counts;
  const perPost = (calls: number): string => (calls / Math.max(1, posts)).toFixed(2);
  const perSecond = (value: number): string => count(value / seconds);
  const carriedShare = rowsCarried / Math.max(1, rowsDirect + rowsCarried);
  return [
    "Traffic",
    `calls    ${perPost(directCalls)} of the hub and ${perPost(carriedCalls)} of carriers a post; ${perSecond(directCalls)} and ${perSecond(carriedCalls)} a second; ${count(failedCalls)} without answer, ${count(lostCalls)} lost on the way`,
    `hops     2 from channel to socket, 3 by way of a carrier: ${percent(carriedShare)} of the rows`,
    `bytes/s  ${bytes(counts.hubBytes / seconds)} hub → relays, ${bytes(counts.carriedBytes / seconds)} carriers → relays, ${bytes(counts.socketBytes / seconds)} relays → sockets`,
    `sockets  ${perSecond(counts.deliveries)} events and ${perSecond(counts.frames)} sends a second; the longest flush took ${ms(longestFlushMs)} ms`,
    `busy     hub ${percent(busy.hub)}, ${busy.relayName} ${percent(busy.relay)}${latePosts > 0 ? `; ${count(latePosts)} posts waited over 1.5 s for the channel and would have gone to the inbox queue` : ""}`,
    ...(worst === undefined ? [] : [`worst    ${path(worst)}`]),
  ];
}

function path({ ms: total, postedAt, takenAt, flushedAt, sentAt, accessMs, relay, carrier, country }: WorstPath): string {
  const by = carrier === undefined ? "" : ` by ${carrier}`;
  const parts = [
    `post → ${relay}${by} ${ms(takenAt - postedAt)}`,
    `waiting for its flush ${ms(flushedAt - takenAt)}`,
    `flush ${ms(sentAt - flushedAt)}`,
    `→ client in ${country} ${ms(accessMs)}`,
  ];
  return `${ms(total)} ms: ${parts.join(", ")}`;
}

function cost({ cost: lines }: Outcome): string[] {
  const row = ({ name, operations, perMillion, perMonth }: CostLine): string[] => [
    name,
    count(operations),
    dollars(perMillion),
    dollars(perMonth),
  ];
  const sum = total(lines, "counted");
  const [head, ...rest] = table([
    ["", "operations", "$ per million events", "$ a month at this rate"],
    ...lines.filter(({ basis }) => basis === "counted").map(row),
    ["counted", "", dollars(sum.perMillion), dollars(sum.perMonth)],
    ...lines.filter(({ basis }) => basis === "estimated").map((line) => row({ ...line, name: `estimated apart: ${line.name}` })),
  ]);
  return ["Cost, channel to sockets (queues, D1 and R2: npm run bench -- cost)", head ?? "", ...rest];
}

function order({ counts, behind, options, drainedMs }: Outcome): string[] {
  const { holes, repeats, announced, heals, longestHeal, movedClients, longestOffMs, offTooLong, unrecovered } = counts;
  const late =
    behind.relays === 0
      ? `all shown everything ${ms(drainedMs)} ms after the last post`
      : `${behind.relays} relays NOT AT THE TOP at the end, by up to ${count(behind.events)} events`;
  return [
    "Order",
    `${count(holes)} events in unannounced holes, ${count(repeats)} shown twice, ${count(announced)} announced jumps; ${late}`,
    `${count(heals)} silences healed${longestHeal === undefined ? "" : `, the longest ${ms(longestHeal.ms)} ms at ${longestHeal.relay}`}`,
    ...(options.faults.length === 0
      ? []
      : [
          `${count(movedClients)} clients lost their relay; off for up to ${ms(longestOffMs)} ms, ${count(offTooLong)} for more than ${offMsMax / 1_000} s; ${count(unrecovered)} told that they missed more than can be given`,
        ]),
  ];
}

function saturation({ limits, socketsAdvised, options }: Outcome): string[] {
  const [first] = limits;
  if (first === undefined) return ["Nothing to saturate"];
  const advice =
    socketsAdvised === undefined
      ? []
      : [
          `A relay waits twice as long as its flush took, so sending has ${percent(sendingShare)} of its time. With this mix and rate a relay carries ${count(socketsAdvised)} sockets (70 %):`,
          `npm run simulate -- --subscribers ${options.subscribers} --regions ${options.regions.join(",")} --rate ${options.rate} --relay-sockets ${socketsAdvised}`,
        ];
  return [
    `Saturates first: ${first.name}: ${percent(first.utilisation)} at ${first.where}`,
    ...table([limitHead, ...limits.map(limitCells)]),
    ...advice,
  ];
}

const limitHead = ["part", "where", "used", "full at events/s", "or at subscribers"];

function limitCells({ name, where, utilisation, rateMax, subscribersMax }: Limit): string[] {
  return [
    name,
    where,
    percent(utilisation),
    rateMax === undefined ? "–" : count(rateMax),
    subscribersMax === undefined ? "–" : count(subscribersMax),
  ];
}
