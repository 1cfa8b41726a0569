// What the broker credited: its notes, each signed and linked to the one before, and where one payment stands on them.
import {
  type Currency,
  decode,
  type Env,
  type JsonObject,
  limits,
  makeOrder,
  objectHash,
  PaymentProblem,
  verifyObject,
} from '@farthing/protocol';
import {
  type ChequeReceipt,
  type CreditNote,
  chequeNotesResult,
  chequeTraceResult,
  isGenuineNote,
  standsOn,
} from '@farthing/protocol/vendor';
import { type BrokerAt, sendOrder } from './broker-client.ts';

type Parts = {
  readonly vnd: string;
  readonly seed: Uint8Array;
  readonly broker: BrokerAt;
  readonly env: () => Env;
};

/** `note`: on which it was shown to stand; absent while the period is open. */
export type Credited = { readonly receipt: ChequeReceipt; readonly note?: CreditNote };

/** @throws {PaymentProblem} `broker-untrusted`: a note is not genuine, or does not follow the one before; `broker-unreachable` */
export async function creditNotes(parts: Parts, cur: Currency): Promise<CreditNote[]> {
  const { vnd, broker, env } = parts;
  const { brk, root } = broker.keys;
  const found: CreditNote[] = [];
  for (;;) {
    if (found.length >= limits.papers) throw untrusted(`it has more than ${limits.papers} credit notes`);
    const last = found.at(-1);
    const told = await read(parts, 'cheque-notes', { vnd, cur, after: found.length });
    const { note } = decode(chequeNotesResult, told, 'broker-untrusted');
    if (!note) return found;
    const isNext = note.number === found.length + 1 && (last !== undefined || note.prev === '');
    const own = note.brk === brk && note.vnd === vnd && note.cur === cur;
    if (!own || !isNext || !isGenuineNote(note, { root, last }, env().crypto)) {
      throw untrusted(`credit note ${found.length + 1} is not genuine, or does not follow the one before`);
    }
    found.push(note);
  }
}

/** @throws {PaymentProblem} `cheque-unknown`; `broker-untrusted`: the broker cannot show what it says; as `creditNotes` */
export async function creditOf(parts: Parts, payment: string): Promise<Credited> {
  const { vnd, broker, env } = parts;
  const { crypto } = env();
  const told = await read(parts, 'cheque-trace', { vnd, epoid: payment });
  const { receipt, place } = decode(chequeTraceResult, told, 'broker-untrusted');
  const same = receipt.vnd === vnd && receipt.epoid === payment && receipt.brk === broker.keys.brk;
  if (!same || !verifyObject(receipt, broker.keys.root, receipt.sig, crypto)) {
    throw untrusted('it told of another payment');
  }
  if (!place) return { receipt };
  const note = (await creditNotes(parts, receipt.cur))[place.number - 1];
  const hash = objectHash(receipt, crypto);
  if (!note?.lines.some((line) => standsOn(hash, place, line, crypto))) {
    throw untrusted(`it does not show the payment on credit note ${place.number}`);
  }
  return { receipt, note };
}

function read({ broker, seed, env }: Parts, call: 'cheque-notes' | 'cheque-trace', members: JsonObject) {
  const order = makeOrder(`${call}/1`, members, seed, env());
  return sendOrder(broker, `/v1/${call.replace('-', '/')}`, { order, crypto: env().crypto });
}

const untrusted = (detail: string) => new PaymentProblem('broker-untrusted', { detail });
