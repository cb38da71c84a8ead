interface ImportMeta {
  /** Vite's: the files that fit, each as text. */
  glob<T>(pattern: string | readonly string[], options: { query: "?raw"; import: "default"; eager: true }): Record<string, T>;
}
