/** What every Workflow here is made of, so that its order can be tested without one. */

/** What a Workflow's step offers of itself: work whose answer is kept, and which is done again when it died before that. */
export interface Steps {
  do<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** For work that has no answer, as one must survive as JSON. */
export async function done(work: Promise<unknown>): Promise<true> {
  await work;
  return true;
}
