// How a question goes on: the worker says in the tab's view how a payment ended, and this window need not wait for slow ones.
import { useEffect, useRef } from 'preact/hooks';
import type { MessageInput } from '../../messages.ts';
import { send, snapshot } from '../../ui/client.ts';
import type { ApprovalView } from '../../view.ts';

const CLOSE_MS = 900;
const PATIENCE_MS = 8_000;
const REMIND_MS = 1_500;
export type Step = 'loading' | 'asking' | 'paying' | 'paid' | 'gone';

/** Escape is Not now, wherever the focus is. */
export function useEscape(): { current: () => void } {
  const act = useRef<() => void>(() => undefined);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => event.key === 'Escape' && event.isTrusted && act.current();
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  return act;
}

type Follow = {
  view: ApprovalView | undefined;
  step: Step;
  /** When Pay was pressed: what the tab says of earlier payments is no answer. */
  since: number;
  setStep: (step: Step) => void;
  setProblem: (code: string) => void;
  /** `instead`: the site refused what was paid, and took nothing; this asks about another kind of money. */
  load: (view: ApprovalView | undefined, instead?: boolean) => Promise<void>;
};

/** The worker says how it ended: paid closes this, a tab that went elsewhere makes the question void. */
export function useFollow({ view, step, since, setStep, setProblem, load }: Follow): void {
  const tab = view && snapshot.value.tabs[String(view.tabId)];
  const state = tab?.state;
  useEffect(() => {
    if (!view || !tab) return;
    if (step === 'asking' && tab.state !== 'asking')
      void send('approval', { id: view.id }).then((open) => !open && setStep('gone'));
    const done = tab.state === 'paid' || tab.state === 'streaming';
    if (step === 'paying' && done && tab.atMs >= since) setStep('paid');
    const { approvalId } = tab;
    if (step === 'paying' && tab.state === 'asking' && approvalId !== undefined && approvalId !== view.id)
      void send('approval', { id: approvalId }).then((next) => next && load(next, true));
    if (step === 'paying' && tab.state === 'failed' && tab.atMs >= since) {
      setProblem(tab.reason ?? 'storage-fault');
      setStep('gone');
    }
  }, [state, tab?.atMs, step]);
  useEffect(() => {
    if (step !== 'paying') return;
    // The popup tells how slow payments end; this window need not wait for them.
    const timer = setTimeout(() => window.close(), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [step]);
  useEffect(() => {
    if (step !== 'paid') return;
    const timer = setTimeout(() => {
      void send('nextApproval', {}).then((next) => (next ? load(next) : window.close()));
    }, CLOSE_MS);
    return () => clearTimeout(timer);
  }, [step]);
}

/** A worker that dies may take the yes with it and answer nothing. The yes is said again: it counts once. */
export function useReminder(yes: MessageInput<'approve'> | undefined): void {
  useEffect(() => {
    if (!yes) return;
    const timer = setInterval(() => void send('approve', yes).catch(() => undefined), REMIND_MS);
    return () => clearInterval(timer);
  }, [yes]);
}
