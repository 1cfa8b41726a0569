// What brokers billed: their invoices, each signed and linked to the one before, and for each payment of this wallet the proof that
// it stands on one.
import { decode, type JsonObject, limits, makeOrder, objectHash, PaymentProblem } from '@farthing/protocol';
import {
  chequeTraceResult,
  type Invoice,
  isGenuineInvoice,
  paywordInvoicesResult,
  cheque as role,
  standsOn,
} from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import type { Broker, Context } from '../context.ts';
import type { BilledPayment, BilledPeriod, ProvenPeriod } from '../invoice-types.ts';
import { listDocs } from '../transaction.ts';
import { type Written, writtenIn } from './book.ts';
import { keepWord } from './words.ts';

/**
 * All of them, oldest first, of every broker.
 * @throws {PaymentProblem} `broker-untrusted`: one is not genuine, or does not follow the one before; `broker-unreachable`,
 *   `wallet-locked`
 */
export async function invoices(ctx: Context): Promise<BilledPeriod[]> {
  const found: BilledPeriod[] = [];
  for (const broker of ctx.brokers.values()) found.push(...(await invoicesOf(ctx, broker)).map(toPeriod));
  return found;
}

/**
 * One of them, with every payment of this wallet that stands on it. What others did with the same account is not among them.
 * @throws {PaymentProblem} `not-found`; `broker-untrusted`: the broker cannot show what it says; as `invoices`
 */
export async function proveInvoice(
  ctx: Context,
  { brk, number }: { brk: string; number: number },
): Promise<ProvenPeriod> {
  const invoice = (await invoicesOf(ctx, ctx.broker(brk))).find((one) => one.number === number);
  if (!invoice) throw new PaymentProblem('not-found', { detail: `there is no invoice ${number}` });
  const payments: BilledPayment[] = [];
  for (const mine of await candidates(ctx, invoice)) {
    const shown = await trace(ctx, invoice, mine);
    if (shown) payments.push(shown);
  }
  needSums(invoice, payments);
  return { ...toPeriod(invoice), payments };
}

/** Who knows all payments of a line knows what they add up to. @throws {PaymentProblem} `broker-untrusted` */
function needSums({ number, lines }: Invoice, payments: readonly BilledPayment[]): void {
  for (const line of lines) {
    if (!('root' in line)) continue;
    const own = payments.filter(({ vnd }) => vnd === line.vnd);
    const sum = own.reduce((total, { amountMicro }) => total + amountMicro, 0n);
    const isKnown = own.length === line.count && lines.filter(({ vnd }) => vnd === line.vnd).length === 1;
    if (sum > BigInt(line.total) || (isKnown && sum !== BigInt(line.total))) {
      throw untrusted(`invoice ${number} has another sum for ${line.vnd} than its payments`);
    }
  }
}

const untrusted = (detail: string) => new PaymentProblem('broker-untrusted', { detail });

async function invoicesOf(ctx: Context, { keys: { brk, root }, currency }: Broker): Promise<Invoice[]> {
  const { crypto } = ctx.env();
  const found: Invoice[] = [];
  for (;;) {
    if (found.length >= limits.papers) throw untrusted(`it has more than ${limits.papers} invoices`);
    const last = found.at(-1);
    const members = { cur: currency, after: found.length };
    const { invoice } = decode(
      paywordInvoicesResult,
      await read(ctx, brk, 'payword-invoices', members),
      'broker-untrusted',
    );
    if (!invoice) return found;
    const own = invoice.brk === brk && invoice.account === ctx.account?.id && invoice.cur === currency;
    const isNext = invoice.number === found.length + 1 && (last !== undefined || invoice.prev === '');
    if (!own || !isNext || !isGenuineInvoice(invoice, { root, last }, crypto)) {
      throw untrusted(`invoice ${found.length + 1} is not genuine, or does not follow the one before`);
    }
    found.push(invoice);
  }
}

async function read(ctx: Context, brk: string, call: 'payword-invoices' | 'cheque-trace', members: JsonObject) {
  const order = makeOrder(`${call}/1`, members, ctx.secrets().seed, ctx.env());
  const path = `/v1/${call.replace('-', '/')}`;
  const posted = await post(ctx, ctx.broker(brk), { path, body: JSON.stringify(order) });
  if (posted.kind === 'refused') throw posted.problem;
  return posted.result;
}

const toPeriod = (paper: Invoice): BilledPeriod => ({
  ...{ brk: paper.brk, number: paper.number, currency: paper.cur, paper },
  ...{ fromMs: paper.from * 1000, toMs: paper.to * 1000, dueAtMs: paper.due * 1000 },
  ...{ billedMicro: BigInt(paper.billed), owedMicro: BigInt(paper.owed) },
  lines: paper.lines.map((line) => ({
    ...{ vnd: line.vnd, totalMicro: BigInt(line.total) },
    ...('sessions' in line
      ? { kind: 'sessions' as const, count: line.sessions.length }
      : { kind: 'cheques' as const, count: line.count }),
  })),
});

type Mine = { readonly payment: Omit<BilledPayment, 'receipt'>; readonly written: Written };

/** Cheques may be claimed days after they were written. */
const LATEST_MS = limits.certLifeMs + limits.chequeWindowMs + limits.clockSkewMs;

/** Payments that may stand on it. */
async function candidates(ctx: Context, { brk, from, to, lines }: Invoice): Promise<Mine[]> {
  const sites = new Set(lines.flatMap((line) => ('root' in line ? [line.vnd] : [])));
  if (sites.size === 0) return [];
  const found: Mine[] = [];
  for (const { doc } of await listDocs(ctx.store, 'journal', 'journal/')) {
    const { record, sending } = doc;
    const { id, atMs, url, state, amountMicro } = record;
    const isBetween = atMs > from * 1000 - LATEST_MS && atMs < to * 1000 + limits.clockSkewMs;
    if (!sending || record.method !== 'cheque' || record.brk !== brk || !isBetween) continue;
    const written = writtenIn(sending.coin.piece);
    const { vnd } = written.cheque;
    if (!sites.has(vnd)) continue;
    found.push({ payment: { id, state, vnd, amountMicro, atMs, ...(url === undefined ? {} : { url }) }, written });
  }
  return found;
}

/** `undefined`: it stands on another invoice, or on none yet. */
async function trace(ctx: Context, invoice: Invoice, { payment, written }: Mine): Promise<BilledPayment | undefined> {
  const { brk, number, lines } = invoice;
  const { crypto } = ctx.env();
  const { vnd, epoid } = written.cheque;
  const told = await read(ctx, brk, 'cheque-trace', { vnd, epoid }).catch((error: unknown) => {
    // The site has not claimed it.
    if (error instanceof PaymentProblem && error.code === 'cheque-unknown') return undefined;
    throw error;
  });
  if (!told) return undefined;
  const { receipt, place } = decode(chequeTraceResult, told, 'broker-untrusted');
  await keepWord(ctx, payment.id, receipt);
  if (place?.number !== number) return undefined;
  role.checkReceipt(receipt, written, ctx.broker(brk).keys.root, ctx.env());
  const hash = objectHash(receipt, crypto);
  const isThere = lines.some((line) => 'root' in line && line.vnd === vnd && standsOn(hash, place, line, crypto));
  if (receipt.result !== 'paid' || !isThere)
    throw untrusted(`it does not show payment ${payment.id} on invoice ${number}`);
  return { ...payment, receipt: hash };
}
