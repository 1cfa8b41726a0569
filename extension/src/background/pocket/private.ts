// The worker of private windows: shows that there are some, and asks the other wallet for money.
import { isProblemCode, PaymentProblem } from '@farthing/protocol';
import { browser } from '../../browser.ts';
import { problemOf, wallet } from '../engine.ts';
import { turns } from '../one-at-a-time.ts';
import { forget, type Mail, mail, onMail, write } from './mail.ts';

export const ALIVE_ALARM = 'alive';
const PATIENCE_MS = 30_000;
const waiting = new Map<string, (answer: Mail<'answer'>) => void>();

/** In the worker's first turn. */
export function beginPrivate(): void {
  onMail('answer', (answer) => void arrived(answer).catch(problemOf));
  void mail('answer').then((left) => left && arrived(left));
  void browser.alarms.create(ALIVE_ALARM, { periodInMinutes: 1 });
  void stillHere();
}

export const stillHere = (): Promise<void> => write('alive', { atMs: Date.now() });

/** Money of the other wallet, as coins that are new here. @throws {PaymentProblem} why there is none */
export async function fill(amountMicro: bigint): Promise<void> {
  const id = crypto.randomUUID();
  const { promise, resolve } = Promise.withResolvers<Mail<'answer'>>();
  waiting.set(id, resolve);
  const late = setTimeout(() => resolve({ id, code: 'outcome-unknown' }), PATIENCE_MS);
  await write('wish', { id, amount: amountMicro.toString(), atMs: Date.now() });
  const { text, code } = await promise.finally(() => clearTimeout(late));
  waiting.delete(id);
  if (text === undefined) throw new PaymentProblem(isProblemCode(code) ? code : 'outcome-unknown');
  await take(text);
}

/** Somebody waits for it, or the worker that did has died: the money is taken in all the same. */
async function arrived(answer: Mail<'answer'>): Promise<void> {
  const waiter = waiting.get(answer.id);
  if (waiter) return waiter(answer);
  if (answer.text !== undefined) await take(answer.text);
}

const inTurn = turns();

/** The same text again takes nothing twice. */
async function take(text: string): Promise<void> {
  await inTurn(async () => (await wallet).coins.take(text));
  await forget('answer');
}
