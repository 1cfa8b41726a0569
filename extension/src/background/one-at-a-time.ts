// Work that must not run twice at once: who asks while it runs waits for the same round, or for his turn.

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

/** Runs what it is given one after the other, whether or not the one before failed. */
export function turns(): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
