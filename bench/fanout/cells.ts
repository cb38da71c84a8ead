/** Which combinations of sockets and rate are measured. Pure. */
export interface Cell {
  readonly sockets: number;
  readonly eventsPerSecond: number;
}

/** More than this many deliveries a second no contender gets done on two cores: the cell would measure the wait. */
const deliveriesMax = 100_000;

/** Cells that a target names and the matrix does not hold. */
export const targetCells: readonly Cell[] = [
  { sockets: 1_000, eventsPerSecond: 100 },
  { sockets: 3_000, eventsPerSecond: 10 },
];

export function matrix(sockets: readonly number[], rates: readonly number[]): Cell[] {
  const all = sockets.flatMap((count) => rates.map((rate) => ({ sockets: count, eventsPerSecond: rate })));
  return all.filter((cell) => cell.sockets * cell.eventsPerSecond <= deliveriesMax);
}

/** `1,100,1000` */
export function parseList(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1)) throw new Error(`not a list of whole numbers: ${text}`);
  return values;
}

export function nameOf({ sockets, eventsPerSecond }: Cell): string {
  return `${sockets} × ${eventsPerSecond}/s`;
}
