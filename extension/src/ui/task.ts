// Something that a screen has asked the worker for: whether it runs, and what stood in its way.
import { useRef, useState } from 'preact/hooks';
import { Refused } from './client.ts';

export type Task = {
  readonly busy: boolean;
  /** Code of the problem that ended the last run. */
  readonly problem: string | undefined;
  readonly run: (work: () => Promise<unknown>) => void;
  /** Once more, when what stood in the way is gone. */
  readonly again: () => void;
};

export function useTask(): Task {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const last = useRef<() => Promise<unknown>>();
  const run = (work: () => Promise<unknown>) => {
    last.current = work;
    setBusy(true);
    setProblem(undefined);
    work()
      .catch((error) => setProblem(error instanceof Refused ? error.code : 'storage-fault'))
      .finally(() => setBusy(false));
  };
  return { busy, problem, run, again: () => last.current && run(last.current) };
}
