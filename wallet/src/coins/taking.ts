// Gifts that are taken in, by a swap at once: afterwards nobody else has their coins.
import { boxPublicKey, PaymentProblem, toBase64url } from '@farthing/protocol';
import { type Gift, openGift, purse as purses, readGift, type SealedGift, signedGift } from '@farthing/protocol/wallet';
import { init } from '../account.ts';
import type { TakenGift } from '../coin-types.ts';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import { needRecord, ownRecord } from '../journal.ts';
import { listDocs, readOne } from '../transaction.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { denominationsOf, ECASH, handyValues } from './purse.ts';
import { requestInfo } from './requests.ts';
import { readyMint } from './withdraw.ts';

/**
 * Takes a gift in. An empty wallet takes its broker too; another one only gifts of brokers that it knows.
 * @throws {PaymentProblem} `payload-invalid`, `no-account`, `coin-spent`: somebody else has it; `keyset-unknown`
 */
export async function take(ctx: Context, text: string): Promise<TakenGift> {
  const found = readGift(text, ctx.env());
  const gift = 'box' in found ? opened(ctx, found) : found;
  const request = 'box' in found ? found.id : undefined;
  const memo = gift.memo === undefined ? {} : { memo: gift.memo };
  const brokerAdded = ctx.brokers.size === 0;
  if (brokerAdded) await init(ctx, { brokerUrl: gift.url, expected: gift.brk });
  const { brk } = gift;
  if (ctx.brokers.get(brk)?.currency !== gift.cur) {
    const detail = `the gift is of a broker that this wallet does not use; farthing init --broker ${gift.url} adds it`;
    throw new PaymentProblem('no-account', { detail });
  }
  const mint = await readyMint(ctx, brk);
  const mark = keys.taken(
    ctx.env().crypto.hashText(
      gift.coins
        .map(({ pk }) => pk)
        .sort()
        .join(','),
    ),
  );
  const before = (await readOne(ctx.store, 'taken', mark))?.journal ?? (await finishTaking(ctx, mark));
  const answer = async (journal: string): Promise<TakenGift> => {
    const answers = request === undefined ? undefined : await requestInfo(ctx, request);
    const of = answers ? { request: answers } : {};
    return { record: await needRecord(ctx, journal), ...memo, brokerAdded, ...of };
  };
  if (before !== undefined) return answer(before);
  const values = gift.coins.map(({ ks }) => mint.keysets.get(ks)?.value ?? 0n);
  if (values.some((value) => value === 0n)) {
    const detail = 'a coin of it has a key that this broker does not show to everybody, or did not make';
    throw new PaymentProblem('keyset-unknown', { detail });
  }
  const amountMicro = values.reduce((sum, value) => sum + value, 0n);
  const env = ctx.env();
  const outputs = handyValues(amountMicro, denominationsOf(mint, env.nowMs));
  const record = ownRecord(ctx, brk, { kind: 'top_up', amountMicro, method: ECASH });
  const id = await beginJob(ctx, brk, ({ purse }) => {
    const draft = purses.draft(purse, { values: outputs }, mint, env);
    return {
      ...{
        kind: 'take' as const,
        draft,
        coins: [],
        micro: amountMicro,
        journal: { ...record, why: 'gift' },
        gift: mark,
        request,
      },
      members: { coins: signedGift(gift, draft.outputs, env).map((coin) => ({ ...coin })) },
    };
  });
  await advanceJob(ctx, id);
  return answer(record.id);
}

/** A gift for a request of ours. @throws {PaymentProblem} `payload-invalid`: it is for somebody else; `wallet-locked` */
function opened(ctx: Context, sealed: SealedGift): Gift {
  const secret = ctx.account ? ctx.requestSecret(sealed.id) : undefined;
  if (!secret || toBase64url(boxPublicKey(secret)) !== sealed.to) {
    throw new PaymentProblem('payload-invalid', { detail: 'this gift is for somebody else, who asked for it' });
  }
  return openGift(sealed, secret, ctx.env());
}

/** A taking of the same gift that was cut off. @returns its journal entry */
async function finishTaking(ctx: Context, mark: string): Promise<string | undefined> {
  for (const { key, doc } of await listDocs(ctx.store, 'coin_job', 'coin-job/')) {
    if (doc.kind !== 'take' || doc.gift !== mark) continue;
    await advanceJob(ctx, key.slice('coin-job/'.length));
    return doc.journal;
  }
  return undefined;
}
