/** A server under load, whatever it is made of. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly post: {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Whether one post may carry an array of events. */
    readonly takesArrays: boolean;
  };
  /** Whose CPU and memory count. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export const host = "127.0.0.1";

export const jsonHeaders = { "content-type": "application/json" } as const;
