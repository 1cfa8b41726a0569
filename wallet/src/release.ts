// Asking a site to give back what is left: a coin's release, or the closing of a session.
import {
  canonicalJson,
  isProblemCode,
  type JsonObject,
  PaymentProblem,
  printCredential,
  readReceipt,
} from '@farthing/protocol';
import { call, PATIENCE_MS, problemOf, type Reply } from './broker.ts';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { PaidMany } from './method.ts';
import { piecesOf } from './methods.ts';
import { vouchFor } from './offers.ts';
import { siteAnswer } from './site-answer.ts';
import { readOne } from './transaction.ts';
import type { SiteAnswer } from './types.ts';

type Coin = Doc<'purse'>['coins'][number];

export type Released =
  /** `others`: what the site signed of other chains of the same session. */
  | { kind: 'released'; release: JsonObject; others: readonly { coin: Coin; release: JsonObject }[] }
  | { kind: 'spent'; problem: PaymentProblem }
  /** The site has ended the session before: what is left of it returns when the chain ends. */
  | { kind: 'ended'; problem: PaymentProblem };

/** @throws {PaymentProblem} `site-not-ready`, `release-invalid`, `site-unvouched`, `broker-unreachable` */
export async function askRelease(ctx: Context, purseKey: string, coin: Coin): Promise<Released> {
  const { piece } = coin;
  const purse = await readOne(ctx.store, 'purse', purseKey);
  if (!purse) throw new PaymentProblem('storage-fault', { detail: 'a stored purse is missing' });
  const { brk, vnd, origin, api } = purse;
  const method = piecesOf(purse.method);
  const record = await vouchFor(ctx, { broker: ctx.broker(brk), brk, vnd, origin, offline: false });
  if (method.many) return askClose(ctx, method.many, coin, { purse, vendorKey: record.pk });
  if (!method.release) throw new PaymentProblem('method-unsupported');
  const to = ctx.needAccount().id;
  const url = new URL(`${api}/${method.release.path}`, origin);
  if (url.origin !== origin) throw new PaymentProblem('origin-changed');
  let reply: Reply;
  try {
    reply = await call(ctx, url.href, canonicalJson(method.release.body(piece, to, ctx.env())));
  } catch {
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  }
  if (reply.status === 200) {
    const release = method.release.read(reply.json, { piece, to, vendorKey: record.pk }, ctx.env());
    return { kind: 'released', release, others: [] };
  }
  const problem = problemOf(reply);
  if (method.goneCodes.has(problem.code)) return { kind: 'spent', problem };
  if (problem.code === 'broker-unreachable')
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  throw problem;
}

/** Ends a session at its site. The same credential again gives the same closings. */
async function askClose(
  ctx: Context,
  many: PaidMany,
  coin: Coin,
  { purse, vendorKey }: { purse: Doc<'purse'>; vendorKey: string },
): Promise<Released> {
  const { piece, last } = coin;
  const { vnd, origin, coins } = purse;
  if (!last) throw new PaymentProblem('storage-fault', { detail: 'a session without its challenge' });
  const { challenge, url, httpMethod } = last;
  if (new URL(url).origin !== origin) throw new PaymentProblem('origin-changed');
  const value = printCredential({ challenge, payload: many.close(piece) });
  const headers = { [challenge.header ?? 'Authorization']: value };
  let answer: SiteAnswer;
  try {
    const init = { method: httpMethod, headers, redirect: 'error', credentials: 'omit', cache: 'no-store' } as const;
    const response = await ctx.ports.fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    answer = await siteAnswer(response);
    await response.body?.cancel();
  } catch {
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  }
  const receipt = answer.receipt === undefined ? undefined : readReceipt(answer.receipt);
  if (receipt) {
    const closed = (one: Coin) => many.readClosing(receipt, { piece: one.piece, vnd, vendorKey }, ctx.env());
    const session = many.sessionOf(piece);
    const others = coins.filter(
      (one) => one.holder === undefined && !one.credit && one.micro > 0n && many.isOpen(one.piece),
    );
    const same = others.filter((one) => many.sessionOf(one.piece) === session);
    return {
      kind: 'released',
      release: closed(coin),
      others: same.map((one) => ({ coin: one, release: closed(one) })),
    };
  }
  const code = answer.problem?.code;
  if (answer.status < 500 && isProblemCode(code)) return { kind: 'ended', problem: new PaymentProblem(code) };
  throw new PaymentProblem('site-not-ready', { detail: `${origin} did not close the session` });
}
