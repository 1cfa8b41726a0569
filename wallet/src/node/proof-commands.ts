// Papers for third parties: prove makes them, verify checks those of every kind, off line, by what they call themselves.
import { readFileSync } from 'node:fs';
import { nativeCrypto, nativeRsa } from '@farthing/node-kit';
import { isObject, type Json, limits, PaymentProblem, parseJson } from '@farthing/protocol';
import { checkCoinProof } from '@farthing/protocol/wallet';
import { type Command, money, text, UsageError, type WalletCommand } from './command.ts';
import { input } from './typed.ts';

export const prove: WalletCommand = {
  usage: 'farthing prove ID [--for TEXT]',
  about: 'Prints a proof of a payment with coins, or that coins were not spent, which anybody can check off line.',
  args: 1,
  options: { for: { type: 'string' } },
  help: [
    ['ID', 'of a payment (farthing history --json), of a gift, or of a coin (farthing coins --keys)'],
    ['--for TEXT', 'whom or what it is for: it proves nothing to anybody else'],
  ],
  async run({ wallet, flags, args: [id], out }) {
    if (id === undefined) throw new UsageError('what is to be proven? farthing prove ID');
    const whom = text(flags, 'for');
    const proof = await wallet.coins.prove({ id, ...(whom === undefined ? {} : { for: whom }) });
    out.result(proof, [JSON.stringify(proof, undefined, 2)]);
  },
};

/** What a paper says when it holds. */
type Verified = {
  readonly value: unknown;
  readonly lines: readonly string[];
  readonly brk: string;
  readonly for?: string;
};

/** By `typ`. Each throws a problem with what does not hold. */
const verifiers: ReadonlyMap<string, (paper: Json) => Verified> = new Map([['coin-proof/1', coinProof]]);

export const verify: Command = {
  plain: true,
  usage: 'farthing verify FILE [--for TEXT] [--broker ID]',
  about: 'Checks what somebody shows as proof, off line, by its signatures alone.',
  args: 1,
  options: { for: { type: 'string' }, broker: { type: 'string' } },
  help: [
    ['FILE', 'or - for standard input'],
    ['--for TEXT', 'it must have been made for this'],
    ['--broker ID', 'it must be of this broker: names can be chosen, ids cannot'],
  ],
  async run({ flags, args: [file], out }) {
    if (file === undefined) throw new UsageError('which file? farthing verify FILE');
    const paper = parseJson(file === '-' ? await input() : contentOf(file));
    const typ = isObject(paper) ? paper['typ'] : undefined;
    const verifier = typeof typ === 'string' ? verifiers.get(typ) : undefined;
    if (paper === undefined || !verifier) {
      throw new PaymentProblem('proof-invalid', { detail: `expected one of ${[...verifiers.keys()].join(', ')}` });
    }
    const verified = verifier(paper);
    const [whom, brk] = [text(flags, 'for'), text(flags, 'broker')];
    if (whom !== undefined && verified.for !== whom) {
      throw new PaymentProblem('proof-invalid', { detail: 'it was not made for this' });
    }
    if (brk !== undefined && verified.brk !== brk) {
      throw new PaymentProblem('proof-invalid', { detail: `it is of the broker ${verified.brk}` });
    }
    out.result(verified.value, verified.lines);
  },
};

/** @throws {UsageError} */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(0, limits.coinsByReference * 4096);
  } catch {
    throw new UsageError(`the file ${path} cannot be read`);
  }
}

const SAYS = {
  paid: 'paid',
  held: 'held for a site that has not taken the payment yet',
  swapped: 'swapped for others, by the maker or by whoever they were given to',
  unspent: 'not spent',
} as const;

function coinProof(paper: Json): Verified {
  const proven = checkCoinProof(paper, { crypto: nativeCrypto, rsa: nativeRsa });
  const { brk, brokerName, test, state, atMs, coins, valueMicro, currency, payment, for: whom } = proven;
  const worth = `${coins} ${coins === 1 ? 'coin' : 'coins'} worth ${money(valueMicro, currency)}${test ? ' of test money' : ''}`;
  return {
    value: proven,
    brk,
    ...(whom === undefined ? {} : { for: whom }),
    lines: [
      `Whoever made this holds the keys of ${worth}: ${SAYS[state]}.`,
      ...(payment
        ? [
            `Payment  ${money(payment.amountMicro, currency)} to ${payment.vnd}, ${timeOf(payment.atMs)}, ${payment.challengeId}`,
          ]
        : []),
      `Broker   ${brk} ("${brokerName}"), as of ${timeOf(atMs)}`,
      `For      ${whom === undefined ? 'anybody: the maker may have got it from somebody else' : JSON.stringify(whom)}`,
    ],
  };
}

const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
