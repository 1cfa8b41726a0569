// What a process holds: live values and buffers, and the pages that the system counts.

/** `heap`: bytes of live values and buffers; `rss`: bytes of pages in memory, those of the database's cache among them. */
export type Memory = { readonly heap: number; readonly rss: number };

const COLLECTIONS = 10;

/** Collects garbage first, when the process was started with `--expose-gc`. */
export async function memoryNow(): Promise<Memory> {
  // What one collection finalizes the next frees, and code that is not run any more goes after several.
  for (let n = 0; n < COLLECTIONS; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
