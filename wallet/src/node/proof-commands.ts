// Papers for third parties: prove makes them, verify checks those of every kind, off line, by what they call themselves.
import { readFileSync } from 'node:fs';
import { nativeCrypto, nativeRsa } from '@farthing/node-kit';
import { isObject, type Json, limits, PaymentProblem, parseJson } from '@farthing/protocol';
import { checkCoinProof, type JudgedCheque, judgeEvidence } from '@farthing/protocol/wallet';
import { type Command, money, text, UsageError, type WalletCommand } from './command.ts';
import { openedGoods } from './goods-file.ts';
import { input } from './typed.ts';

const LISTED = { 'not-found': 'farthing history --json lists payments with their ids.' } as const;

export const prove: WalletCommand = {
  usage: 'farthing prove ID [--for TEXT]',
  mend: LISTED,
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
type Shown = { readonly goods?: string };
const verifiers = new Map<string, (paper: Json, shown: Shown) => Verified | Promise<Verified>>([
  ['coin-proof/1', coinProof],
  ['cheque-evidence/1', chequePapers],
]);

export const evidence: WalletCommand = {
  usage: 'farthing evidence ID > evidence.json',
  about: 'Prints the papers of a payment by cheque, from which anybody can say off line who broke the protocol.',
  args: 1,
  options: {},
  help: [['ID', 'of a payment by cheque (farthing history --json)']],
  mend: LISTED,
  async run({ wallet, args: [id], out }) {
    if (id === undefined) throw new UsageError('of which payment? farthing evidence ID');
    const papers = await wallet.papers(id);
    out.result(papers, [JSON.stringify(papers, undefined, 2)]);
  },
};

export const verify: Command = {
  plain: true,
  usage: 'farthing verify FILE [options]',
  about: 'Checks what somebody shows as proof, off line, by its signatures alone, and says who broke the protocol.',
  args: 1,
  options: { for: { type: 'string' }, broker: { type: 'string' }, goods: { type: 'string' } },
  help: [
    ['FILE', 'or - for standard input'],
    ['--for TEXT', 'it must have been made for this'],
    ['--broker ID', 'it must be of this broker: names can be chosen, ids cannot'],
    ['--goods FILE', 'the sealed goods that were paid for, to see what their key makes of them'],
  ],
  async run({ flags, args: [file], out }) {
    if (file === undefined) throw new UsageError('which file? farthing verify FILE');
    const paper = parseJson(file === '-' ? await input() : contentOf(file));
    const typ = isObject(paper) ? paper['typ'] : undefined;
    const verifier = typeof typ === 'string' ? verifiers.get(typ) : undefined;
    if (paper === undefined || !verifier) {
      throw new PaymentProblem('proof-invalid', { detail: `expected one of ${[...verifiers.keys()].join(', ')}` });
    }
    const goods = text(flags, 'goods');
    const verified = await verifier(paper, goods === undefined ? {} : { goods });
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
  voided: 'of a payment that was given up after its change went out, and good together alone',
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

const FAULTS: Readonly<Record<JudgedCheque['fault']['what'], string>> = {
  'in-order': 'Nobody broke the protocol, as far as these papers tell.',
  'not-signed': '',
  malformed: '',
  'two-outcomes': 'The BROKER broke the protocol: it signed two outcomes of one cheque.',
  'receipt-differs': 'The BROKER broke the protocol: its receipt says something else than the cheque.',
  'paid-without-order': 'The BROKER broke the protocol: it took money for a cheque that its customer never signed.',
  'paid-with-wrong-key': 'The BROKER broke the protocol: it took money for a key that does not open what was paid for.',
  'refused-in-time': 'The BROKER broke the protocol: it refused a cheque as late that was in time.',
  'verdict-false': 'The BROKER broke the protocol: it said that goods are as promised, which are not.',
  'goods-differ': 'The SITE broke the protocol: what was paid for opens to something else than it signed.',
  'two-orders': 'The CUSTOMER broke the protocol: two different cheques for one payment.',
};

async function chequePapers(paper: Json, { goods: file }: Shown): Promise<Verified> {
  const first = judgeEvidence(paper, { crypto: nativeCrypto });
  const goods = file === undefined ? undefined : await openedGoods(file, first.key);
  const judged = goods ? judgeEvidence(paper, { crypto: nativeCrypto, goods }) : first;
  const { fault, brk, brokerName, test, vnd, siteName, amountMicro, currency, challengeId, results } = judged;
  return {
    value: judged,
    brk,
    lines: [
      FAULTS[fault.what],
      `Payment  ${money(amountMicro, currency)}${test ? ' of test money' : ''} to ${vnd} ("${siteName}"), ${challengeId}`,
      `Broker   ${brk} ("${brokerName}") says: ${results.length === 0 ? 'nothing yet' : results.join(', then ')}`,
    ],
  };
}

const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
