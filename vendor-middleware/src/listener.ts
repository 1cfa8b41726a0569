// How a site's owner hears of problems: in the log, by a function, and in a list of the last hundred.
import type { Logger } from '@farthing/node-kit';
import type { FarthingOptions } from './options.ts';
import type { Problem, SetupCode } from './setup-error.ts';

const KEPT = 100;

/** Something was lost, or may be; all else repairs itself or can wait. */
const GRAVE: ReadonlySet<SetupCode> = new Set(['store-fault', 'claim-alarm', 'claims-full']);

export function listener({ log = console.warn, onProblem }: Pick<FarthingOptions, 'log' | 'onProblem'>) {
  const problems: Problem[] = [];
  const tell = (problem: Problem) => {
    problems.push(problem);
    if (problems.length > KEPT) problems.shift();
    // Without `about`: a log is read by more people than the books are.
    write(log, problem);
    onProblem?.(problem);
  };
  return { problems, tell };
}

function write(log: Logger | ((line: string) => void), { code, message }: Problem): void {
  if (typeof log === 'function') log(`farthing ${code}: ${message}`);
  else log[GRAVE.has(code) ? 'error' : 'warn']({ code }, message);
}
