/** Bytes of a value or an object in a line of JSON: as text where they are text, so that a backup can be read with nothing of ours. */

export interface KeptBody {
  readonly text?: string;
  readonly base64?: string;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function bodyOf(bytes: Uint8Array): KeptBody {
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return { base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  }
}

export function bytesOfBody({ text, base64 = "" }: KeptBody): Uint8Array<ArrayBuffer> {
  return text === undefined ? Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)) : new Uint8Array(new TextEncoder().encode(text));
}
