// A statement that tells when it is run.
import type { Statement, Value } from '../port.ts';

/** By whichever call: also an insert that answers what it made is asked by `get`. */
export function told(statement: Statement, tell: () => void): Statement {
  const telling =
    <Answer>(ask: (...values: Value[]) => Answer) =>
    (...values: Value[]): Answer => {
      tell();
      return ask(...values);
    };
  return {
    get: telling((...values) => statement.get(...values)),
    all: telling((...values) => statement.all(...values)),
    run: telling((...values) => statement.run(...values)),
  };
}
