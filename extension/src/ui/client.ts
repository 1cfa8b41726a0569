// How a page speaks to the worker, and what it knows without asking: the snapshot, which follows every change.
import { isProblemCode, type ProblemCode } from '@farthing/protocol';
import { type Signal, signal } from '@preact/signals';
import { browser } from '../browser.ts';
import { unpack } from '../codec.ts';
import type { Answers, MessageInput, PageMessage } from '../messages.ts';
import { onSessionChange, sessionArea } from '../session-area.ts';
import type { Snapshot } from '../view.ts';

export class Refused extends Error {
  readonly code: ProblemCode;
  constructor(code: ProblemCode, detail?: string) {
    super(detail ?? code);
    this.name = 'Refused';
    this.code = code;
  }
}

/** What a second time would do twice. Everything else is sent again when the worker died before it answered. */
const ONCE: readonly PageMessage[] = [
  'topUp',
  'openDemo',
  'retry',
  'playAgain',
  'withdraw',
  'deposit',
  'give',
  'request',
  'takeBack',
  'fillPocket',
  'setPassword',
  'changePassword',
  'removePassword',
];

/** @throws {Refused} with the worker's problem code */
export async function send<Name extends PageMessage>(name: Name, body: MessageInput<Name>): Promise<Answers[Name]> {
  const ask = (): Promise<unknown> => browser.runtime.sendMessage({ name, body });
  const raw = await ask().catch((error) => {
    if (ONCE.includes(name)) throw new Refused('outcome-unknown', String(error));
    return ask();
  });
  // The worker is ours and the map types its answers; this is the one place that trusts it.
  if (typeof raw === 'object' && raw !== null && 'ok' in raw) return (unpack(raw.ok) ?? undefined) as Answers[Name];
  const problem = typeof raw === 'object' && raw !== null && 'problem' in raw ? raw.problem : undefined;
  const { code, detail } = (problem ?? {}) as { code?: unknown; detail?: unknown };
  throw new Refused(isProblemCode(code) ? code : 'storage-fault', typeof detail === 'string' ? detail : undefined);
}

const EMPTY: Snapshot = { version: 1, ready: false, config: { surface: 'popup' }, tabs: {}, sites: {}, waiting: 0 };

export const snapshot: Signal<Snapshot> = signal(EMPTY);
/** False until the first snapshot was read: nothing is claimed before that. */
export const known = signal(false);

const isSnapshot = (value: unknown): value is Snapshot =>
  typeof value === 'object' && value !== null && 'version' in value && value.version === 1;

function take(packed: unknown): void {
  const found = unpack(packed);
  if (!isSnapshot(found)) return;
  snapshot.value = found;
  known.value = true;
}

/** Paints from what is stored, then lets the worker bring it up to date. */
export async function follow(): Promise<void> {
  onSessionChange('snapshot', take);
  take((await sessionArea.get(['snapshot']))['snapshot']);
  void send('refresh', {}).then(
    (fresh) => {
      snapshot.value = fresh;
      known.value = true;
    },
    () => undefined,
  );
}
