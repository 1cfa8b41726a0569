// The keys of a mint, as this wallet saw them first: every later list is compared with the one before, so that a broker that
// makes keys for one person alone has to do it to everybody, or is found out.
import { decode, type JsonObject, limits, PaymentProblem, type Rsa } from '@farthing/protocol';
import {
  type KeyList,
  type Keyset,
  keyListHash,
  keyListSchema,
  keysetSchema,
  keysetsResult,
  phaseOf,
  type purse,
  readKeyList,
} from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { call, problemOf } from '../broker.ts';
import { type Context, keepEvidence } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { readOne, transact } from '../transaction.ts';

/** Our clock may be this far behind before an ended keyset that is gone looks like one that was taken away. */
const CLOCK_MS = 86_400_000;

/** 256 records of at most 900 characters, and their names. */
const LIST_BYTES = limits.keysets * 1024;

type Shown = { readonly list: KeyList; readonly keysets: readonly Keyset[] };

/**
 * The keysets that the broker lists now, checked and compared.
 * @throws {PaymentProblem} `broker-unreachable`; `unavailable`: it makes no coins; `broker-untrusted`, with evidence kept
 */
export async function learnMint(ctx: Context, brk: string): Promise<purse.Mint> {
  const broker = ctx.broker(brk);
  const reply = await call(ctx, `${broker.url}/v1/ecash/keysets`, undefined, LIST_BYTES);
  if (reply.status !== 200) throw problemOf(reply);
  const { list, keysets } = decode(keysetsResult, reply.json, 'broker-untrusted');
  if (list.vnd !== undefined) throw new PaymentProblem('broker-untrusted', { detail: 'a key list of one site' });
  const shown = { list, keysets: readKeyList({ list, records: keysets }, broker.keys, ctx.env().crypto) };
  const key = keys.mint(brk);
  const about = `mint-${brk}-${list.no}`;
  const wrong = await transact(ctx.store, [key, keys.evidence(about)], (tx) => {
    const stored = tx.get('mint', key);
    const what = stored && difference(read(ctx, brk, stored), shown, ctx);
    if (what === undefined) {
      tx.put('mint', key, { list: { ...list }, keysets: keysets.map((record): JsonObject => ({ ...record })) });
    } else {
      keepEvidence(tx, ctx.env(), { about, what, data: { before: stored?.list ?? null, now: { ...list } } });
    }
    return what;
  });
  if (wrong !== undefined) throw new PaymentProblem('broker-untrusted', { detail: wrong });
  return mintOf(ctx, brk, shown.keysets);
}

/** The keysets as seen last, without asking. */
export async function knownMint(ctx: Context, brk: string): Promise<purse.Mint & { readonly listHash?: string }> {
  const stored = await readOne(ctx.store, 'mint', keys.mint(brk));
  if (!stored) return mintOf(ctx, brk, []);
  const { list, keysets } = read(ctx, brk, stored);
  return { ...mintOf(ctx, brk, keysets), listHash: keyListHash(unsigned(list), ctx.env().crypto) };
}

function mintOf(ctx: Context, brk: string, keysets: readonly Keyset[]): purse.Mint {
  const rsa: Rsa | undefined = ctx.ports.rsa;
  return {
    keysets: new Map(keysets.map((keyset) => [keyset.ks, keyset])),
    seed: ctx.coinSeed(brk),
    ...(rsa ? { rsa } : {}),
  };
}

/** @throws {PaymentProblem} `storage-fault`, `broker-untrusted` */
function read(ctx: Context, brk: string, stored: Doc<'mint'>): Shown {
  const list = decode(keyListSchema, stored.list, 'storage-fault');
  const records = decode(v.array(keysetSchema), stored.keysets, 'storage-fault');
  return { list, keysets: readKeyList({ list, records }, ctx.broker(brk).keys, ctx.env().crypto) };
}

/** What an honest broker's next list cannot be. */
function difference(before: Shown, now: Shown, ctx: Context): string | undefined {
  const { crypto, nowMs } = ctx.env();
  if (now.list.no < before.list.no) return 'its key list is older than the one that it showed before';
  const same = keyListHash(unsigned(now.list), crypto) === keyListHash(unsigned(before.list), crypto);
  if (now.list.no === before.list.no) return same ? undefined : 'it shows two key lists with one number';
  const named = new Set(now.keysets.map(({ ks }) => ks));
  const gone = before.keysets.some(({ ks, record }) => !named.has(ks) && phaseOf(record, nowMs + CLOCK_MS) !== 'over');
  return gone ? 'a keyset is gone from its key list before its time' : undefined;
}

const unsigned = ({ sig: _, ...list }: KeyList) => list;
