// The account: its key, its brokers, and money that comes in.
import { canonicalJson, type Env, type Json, type JsonObject, PaymentProblem, toBase64url } from '@farthing/protocol';
import { fetchKeys } from './broker.ts';
import type { Phrase } from './coin-types.ts';
import { type Context, emptyMoney, toBrokerInfo } from './context.ts';
import { keys } from './documents.ts';
import { needRecord, ownRecord } from './journal.ts';
import { isLoopback } from './offers.ts';
import { draftOrder, openOrders, runOrder, storeOrder } from './orders.ts';
import { accountSeed, newPhrase, rootOf } from './phrase.ts';
import { FIRST_BUDGET } from './rules.ts';
import { transact } from './transaction.ts';
import type { BrokerInfo, PaymentRecord } from './types.ts';
import { isSealed } from './vault.ts';

export type TopUp = { brk?: string } & ({ amountMicro: bigint } | { voucher: string });

/** `expected`: only this broker. `phrase`: where the account of an empty wallet comes from. */
export type Init = { brokerUrl: string; expected?: string; phrase?: string };

export async function init(ctx: Context, { brokerUrl, expected, phrase }: Init): Promise<BrokerInfo> {
  const url = brokerAddress(brokerUrl);
  const brokerKeys = await fetchKeys(ctx, url, expected);
  const currency = ctx.currency ?? brokerKeys.currencies[0];
  if (currency === undefined || !brokerKeys.currencies.includes(currency)) {
    throw new PaymentProblem('currency-unsupported', { detail: `this wallet holds ${currency ?? 'no currency'}` });
  }
  const env = ctx.env();
  const { brk } = brokerKeys;
  const all = [keys.account, keys.broker(brk), keys.money(brk), keys.budget, keys.restoring(brk)];
  const made = ctx.account ? undefined : newAccount(phrase ?? newPhrase(env), env);
  await transact(ctx.store, all, (tx) => {
    if (made && !tx.has(keys.account)) {
      tx.put('account', keys.account, { ...made, ...(phrase === undefined ? {} : { restored: true }) });
    }
    const isNew = !tx.has(keys.broker(brk));
    if (isNew && tx.need('account', keys.account).restored)
      tx.put('restoring', keys.restoring(brk), { atMs: env.nowMs });
    const addedAtMs = tx.get('broker', keys.broker(brk))?.addedAtMs ?? env.nowMs;
    tx.put('broker', keys.broker(brk), { url, keys: brokerKeys, addedAtMs });
    if (!tx.has(keys.money(brk))) tx.put('money', keys.money(brk), emptyMoney(currency));
    if (!tx.has(keys.budget)) tx.put('budget', keys.budget, FIRST_BUDGET);
  });
  await ctx.load();
  ctx.changed();
  return toBrokerInfo(ctx.broker(brk));
}

function newAccount(phrase: string, env: Env) {
  const seed = accountSeed(rootOf(phrase), env);
  return { seed: toBase64url(seed), id: toBase64url(env.crypto.publicKey(seed)), phrase };
}

/**
 * The words; made now in a wallet that began without some. `account` is false then: the account key is not in them.
 * @throws {PaymentProblem} `no-account`, `wallet-locked`
 */
export async function phraseOf(ctx: Context): Promise<Phrase> {
  const { id } = ctx.needAccount();
  const phrase = ctx.secrets().phrase ?? (await addPhrase(ctx));
  return { phrase, account: newAccount(phrase, ctx.env()).id === id };
}

async function addPhrase(ctx: Context): Promise<string> {
  const fresh = newPhrase(ctx.env());
  const phrase = await transact(ctx.store, [keys.account], (tx) => {
    const stored = tx.need('account', keys.account);
    // Another program that has this wallet open set a password meanwhile, and words with it.
    if (isSealed(stored)) throw new PaymentProblem('wallet-locked');
    if (stored.phrase === undefined) tx.put('account', keys.account, { ...stored, phrase: fresh });
    return stored.phrase ?? fresh;
  });
  await ctx.load();
  return phrase;
}

/** @throws {PaymentProblem} `insecure-origin` */
function brokerAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!url || !secure) throw new PaymentProblem('insecure-origin', { detail: 'a broker is reached over https' });
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

export async function topUp(ctx: Context, options: TopUp): Promise<PaymentRecord> {
  ctx.needAccount();
  const { keys: brokerKeys, currency } = ctx.broker(options.brk);
  const { brk } = brokerKeys;
  const byVoucher = 'voucher' in options;
  const members = byVoucher
    ? { code: options.voucher.trim().toUpperCase() }
    : { amount: options.amountMicro.toString(), cur: currency };
  const call = byVoucher ? { path: '/v1/voucher', typ: 'voucher/1' } : { path: '/v1/faucet', typ: 'faucet/1' };
  const begun = (await openOrders(ctx)).find(
    ({ doc }) => doc.brk === brk && doc.path === call.path && holds(doc.body, members),
  );
  if (begun?.doc.purpose.kind === 'top_up') {
    const { journal } = begun.doc.purpose;
    try {
      await runOrder(ctx, begun.rid);
      return await needRecord(ctx, journal);
    } catch (error) {
      // Never executed, and too old to be: a new order takes its place.
      if (!(error instanceof PaymentProblem) || error.code !== 'request-stale') throw error;
    }
  }
  const amountMicro = byVoucher ? 0n : options.amountMicro;
  const record = ownRecord(ctx, brk, { kind: 'top_up', amountMicro });
  const purpose = { kind: 'top_up' as const, journal: record.id, ...(byVoucher ? {} : { amountMicro }) };
  const draft = draftOrder(ctx, { brk, call, members, purpose });
  const all = [keys.order(draft.rid), keys.money(brk), keys.journal(record.id)];
  await transact(ctx.store, all, (tx) => {
    tx.put('journal', keys.journal(record.id), { record });
    storeOrder(tx, ctx, draft);
  });
  await runOrder(ctx, draft.rid);
  return needRecord(ctx, record.id);
}

/** Does a stored order say the same? */
function holds(body: string, members: JsonObject): boolean {
  const order = JSON.parse(body) as Record<string, Json>;
  return Object.entries(members).every(([name, value]) => canonicalJson(order[name]) === canonicalJson(value));
}
