/** Names of epochs sort by creation: base 36 milliseconds, then chance. No dash: R2 keys separate their parts by it. */

/** `random` in [0, 1). */
export function newEpoch(now: number, random: number): string {
  const chance = Math.floor(random * 36 ** 5).toString(36);
  return now.toString(36).padStart(9, "0") + chance.padStart(5, "0");
}
