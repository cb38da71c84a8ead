/** A wait that can be cut short. One at a time. */
export class Pause {
  #end: (() => void) | undefined;

  get isOn(): boolean {
    return this.#end !== undefined;
  }

  async wait(delayMs: number): Promise<void> {
    this.end();
    if (delayMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.end(), delayMs);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  end(): void {
    this.#end?.();
  }
}
