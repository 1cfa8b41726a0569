// The source of a stream in tests: its units come when the test says so.
export function tape() {
  let ready = 0;
  let over = false;
  let turn = Promise.withResolvers<void>();
  return {
    roll(units: number): void {
      ready += units;
      turn.resolve();
    },
    /** After what was rolled so far. */
    end(): void {
      over = true;
      turn.resolve();
    },
    async *play(): AsyncGenerator<string> {
      for (let unit = 1; ; unit++) {
        while (ready === 0 && !over) {
          turn = Promise.withResolvers();
          await turn.promise;
        }
        if (ready === 0) return;
        ready--;
        yield `data: ${unit}\n\n`;
      }
    },
  };
}
