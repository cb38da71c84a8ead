/** The body of an answer from outside as text, as long as it is no larger than it may be. */

/** Throws when there is more. */
export async function readBoundedText(response: Response, { bytesMax, what }: { bytesMax: number; what: string }): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`${what} is larger than ${bytesMax} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
