// Work that must not run twice at once: who asks while it runs waits for the same round.

/** A round that fails fails for everyone who waits for it; the next call begins a new one. */
export function oneAtATime(round: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };
}
