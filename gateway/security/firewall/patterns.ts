/** Patterns with `*`, matched without backtracking: operators write them, strangers' requests are matched, and neither may take long. */

/** A text that is longer is compared by its beginning. */
const textCharsMax = 1_024;

export type Matcher = (text: string) => boolean;

/** The whole text must fit; each `*` stands for any characters, also none. Each piece is looked for once, from where the last one ended. */
export function compileGlob(pattern: string): Matcher {
  const pieces = pattern.split("*");
  const [first = "", ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return (text) => text === pattern;
  return (whole) => {
    const text = whole.slice(0, textCharsMax);
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const piece of others) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - at >= last.length && text.endsWith(last);
  };
}

/** A part of the text in any case; with `*` the whole text, in any case. */
export function compileText(pattern: string): Matcher {
  const lower = pattern.toLowerCase();
  const isMatch = lower.includes("*") ? compileGlob(lower) : (text: string) => text.slice(0, textCharsMax).includes(lower);
  return (text) => isMatch(text.toLowerCase());
}
