// Orders, answers and expiries speak of whole seconds; the ledger and the clock of milliseconds.

export const secondsOf = (ms: number): number => Math.floor(ms / 1000);
