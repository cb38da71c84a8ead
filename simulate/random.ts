/** Random numbers that a seed determines, so that a run can be had again. */

/** In [0, 1). */
export type Random = () => number;

/** Each purpose has a stream of its own: asking more often for one changes nothing for another. */
export function seeded(seed: number, purpose: string): Random {
  let state = seed >>> 0;
  for (const letter of purpose) state = mixed(state ^ letter.charCodeAt(0));
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    return mixed(state) / 2 ** 32;
  };
}

/** Every bit of the number moves every bit of the result (the finaliser of MurmurHash3). */
export function mixed(value: number): number {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
