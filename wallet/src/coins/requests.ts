// Requests for money from person to person: what this wallet asks for, and what it is asked for. There is no server in between:
// a request is a text, and so is the gift that answers it, which is sealed to the one who asked.
import { boxPublicKey, limits, PaymentProblem, toBase64url } from '@farthing/protocol';
import { type MoneyRequest, printRequest, readRequest, requestHash } from '@farthing/protocol/wallet';
import { phraseOf } from '../account.ts';
import type { AskedMoney, RequestInfo } from '../coin-types.ts';
import type { Context } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { checkWords } from '../phrase.ts';
import { listDocs, readOne, transact } from '../transaction.ts';

export type Asking = { amountMicro: bigint; memo?: string; brk?: string };

/** An address whose part behind `#` no browser sends anywhere. */
export const linkOf = (brokerUrl: string, text: string): string => `${brokerUrl}/open#${text}`;

export async function request(ctx: Context, { amountMicro, memo, brk: wanted }: Asking): Promise<RequestInfo> {
  if (amountMicro <= 0n || amountMicro > limits.amountMax) throw new RangeError('an amount is more than nothing');
  if (memo !== undefined && memo.length > limits.memoBytes) throw new RangeError('the memo is too long');
  await phraseOf(ctx);
  const { brk } = ctx.broker(wanted).keys;
  const { nowMs, random } = ctx.env();
  const id = toBase64url(random(16));
  const key = keys.request(id);
  const note = memo === undefined ? {} : { memo };
  // Whole seconds, because the text has no others.
  const expiresAtMs = Math.floor((nowMs + limits.moneyRequestMs) / 1000) * 1000;
  const doc = { brk, micro: amountMicro, ...note, atMs: nowMs, expiresAtMs };
  await transact(ctx.store, [key], (tx) => tx.put('request', key, doc));
  ctx.changed();
  return infoOf(ctx, id, doc);
}

/** Ours, newest first. */
export async function requests(ctx: Context): Promise<RequestInfo[]> {
  const found = await listDocs(ctx.store, 'request', 'request/');
  found.sort((a, b) => b.doc.atMs - a.doc.atMs);
  return Promise.all(found.map(({ key, doc }) => infoOf(ctx, key.slice('request/'.length), doc)));
}

export async function requestInfo(ctx: Context, id: string): Promise<RequestInfo | undefined> {
  const doc = await readOne(ctx.store, 'request', keys.request(id));
  return doc && infoOf(ctx, id, doc);
}

async function infoOf(ctx: Context, id: string, doc: Doc<'request'>): Promise<RequestInfo> {
  const { brk, micro: amountMicro, memo, atMs, expiresAtMs } = doc;
  const receivedMicro = await receivedFor(ctx, id);
  const open = expiresAtMs < ctx.env().nowMs ? ('expired' as const) : ('open' as const);
  const state = receivedMicro >= amountMicro ? ('paid' as const) : open;
  return {
    ...{ id, brk, amountMicro, receivedMicro, currency: ctx.broker(brk).currency, state, atMs, expiresAtMs },
    ...(memo === undefined ? {} : { memo }),
    ...(ctx.hasWords ? textsOf(ctx, id, doc) : {}),
  };
}

function textsOf(ctx: Context, id: string, { brk, micro, memo, expiresAtMs }: Doc<'request'>) {
  const { url, currency: cur } = ctx.broker(brk);
  const made: MoneyRequest = {
    ...{ typ: 'request/1', id, brk, url, cur, amount: micro.toString(), exp: expiresAtMs / 1000 },
    to: toBase64url(boxPublicKey(ctx.requestSecret(id))),
    ...(memo === undefined ? {} : { memo }),
  };
  const text = printRequest(made);
  return { text, link: linkOf(url, text), words: wordsOf(ctx, made) };
}

const wordsOf = (ctx: Context, made: MoneyRequest): string => checkWords(requestHash(made, ctx.env().crypto));

/** What was taken of gifts that answer it. */
async function receivedFor(ctx: Context, id: string): Promise<bigint> {
  const taken = (await listDocs(ctx.store, 'taken', 'taken/')).filter(({ doc }) => doc.request === id);
  const records = await Promise.all(taken.map(({ doc }) => readOne(ctx.store, 'journal', keys.journal(doc.journal))));
  return records.reduce((sum, journal) => sum + (journal?.record.amountMicro ?? 0n), 0n);
}

/** What somebody's text asks for. Moves nothing. @throws {PaymentProblem} `payload-invalid` */
export function readAsked(ctx: Context, text: string): AskedMoney {
  const asked = readRequest(text);
  const { id, brk, url: brokerUrl, amount, cur: currency, memo, exp } = asked;
  const known = ctx.brokers.get(brk);
  return {
    ...{ id, brk, brokerUrl, amountMicro: BigInt(amount), currency, expiresAtMs: exp * 1000 },
    ...(known ? { brokerName: known.keys.name } : {}),
    ...(memo === undefined ? {} : { memo }),
    words: wordsOf(ctx, asked),
  };
}

/**
 * The same, when it can be answered by this wallet.
 * @throws {PaymentProblem} `payload-invalid`: it has expired; `sum-wrong`: it asks for another amount than the person saw;
 *   `no-account`: coins of a broker that this wallet does not use
 */
export function answerable(ctx: Context, text: string, amountMicro: bigint): MoneyRequest {
  const asked = readRequest(text);
  if (BigInt(asked.amount) !== amountMicro) {
    throw new PaymentProblem('sum-wrong', { detail: 'the request asks for another amount' });
  }
  if (asked.exp * 1000 < ctx.env().nowMs)
    throw new PaymentProblem('payload-invalid', { detail: 'the request has expired' });
  if (ctx.brokers.get(asked.brk)?.currency !== asked.cur) {
    const detail = `it asks for coins of a broker that this wallet does not use; farthing init --broker ${asked.url} adds it`;
    throw new PaymentProblem('no-account', { detail });
  }
  return asked;
}
