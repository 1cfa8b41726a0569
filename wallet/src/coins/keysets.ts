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
import { readOne, type Transaction, transact } from '../transaction.ts';

/** Our clock may be this far behind before an ended keyset that is gone looks like one that was taken away. */
const CLOCK_MS = 86_400_000;

/** 256 records of at most 900 characters, and their names. */
const LIST_BYTES = limits.keysets * 1024;

type Shown = { readonly list: KeyList; readonly keysets: readonly Keyset[] };
type Older = NonNullable<Doc<'mint'>['older']>;

/** A list is remembered this often after it was replaced: sites may still name it in their challenges. */
const MOST_OLDER = 8;

/** The keysets of one list. `named`: the hash of each list of them that was seen, newest first, with what it names. */
export type ListedMint = purse.Mint & { readonly named: Older };

/**
 * The keysets that the broker lists now, checked and compared: those that go everywhere, or those locked to one site.
 * @throws {PaymentProblem} `broker-unreachable`; `unavailable`: it makes no such coins; `broker-untrusted`, with evidence kept
 */
export async function learnMint(ctx: Context, brk: string, vnd?: string): Promise<ListedMint> {
  const broker = ctx.broker(brk);
  const path = vnd === undefined ? '/v1/ecash/keysets' : `/v1/vendors/${encodeURIComponent(vnd)}/keysets`;
  const reply = await call(ctx, `${broker.url}${path}`, undefined, LIST_BYTES);
  if (reply.status !== 200) throw problemOf(reply);
  const { list, keysets } = decode(keysetsResult, reply.json, 'broker-untrusted');
  if (list.vnd !== vnd) throw new PaymentProblem('broker-untrusted', { detail: 'a key list of another lock' });
  const shown = { list, keysets: readKeyList({ list, records: keysets }, broker.keys, ctx.env().crypto) };
  const key = keys.mint(brk, vnd);
  const about = `mint-${brk}-${vnd ?? ''}-${list.no}`;
  const wrong = await transact(ctx.store, [key, keys.evidence(about)], (tx) => {
    const stored = tx.get('mint', key);
    const before = stored && read(ctx, brk, stored);
    const what = before && difference(before, shown, ctx);
    if (what === undefined) {
      const isNew = before !== undefined && before.list.no !== list.no;
      const older = isNew ? [nameOf(before, ctx), ...(stored?.older ?? [])].slice(0, MOST_OLDER) : stored?.older;
      tx.put('mint', key, {
        list: { ...list },
        keysets: keysets.map((record): JsonObject => ({ ...record })),
        ...(older ? { older } : {}),
      });
    } else {
      keepEvidence(tx, ctx.env(), { about, what, data: { before: stored?.list ?? null, now: { ...list } } });
    }
    return what;
  });
  if (wrong !== undefined) throw new PaymentProblem('broker-untrusted', { detail: wrong });
  return knownMint(ctx, brk, vnd);
}

/** The keysets as seen last, without asking. */
export async function knownMint(ctx: Context, brk: string, vnd?: string): Promise<ListedMint> {
  return listed(ctx, brk, await readOne(ctx.store, 'mint', keys.mint(brk, vnd)));
}

/** The same, as part of a step. */
export const mintIn = (tx: Transaction, ctx: Context, brk: string): ListedMint =>
  listed(ctx, brk, tx.get('mint', keys.mint(brk)));

function listed(ctx: Context, brk: string, stored: Doc<'mint'> | undefined): ListedMint {
  if (!stored) return { ...mintOf(ctx, brk, []), named: [] };
  const shown = read(ctx, brk, stored);
  return { ...mintOf(ctx, brk, shown.keysets), named: [nameOf(shown, ctx), ...(stored.older ?? [])] };
}

/** Keysets of two locks together. */
export const bothMints = (mint: purse.Mint, other: purse.Mint): purse.Mint => ({
  ...mint,
  keysets: new Map([...mint.keysets, ...other.keysets]),
});

const nameOf = ({ list }: Shown, ctx: Context): Older[number] => ({
  hash: keyListHash(unsigned(list), ctx.env().crypto),
  keysets: list.keysets,
});

function mintOf(ctx: Context, brk: string, keysets: readonly Keyset[]): purse.Mint {
  const rsa: Rsa | undefined = ctx.ports.rsa;
  return {
    keysets: new Map(keysets.map((keyset) => [keyset.ks, keyset])),
    seed: ctx.coinSeed(brk),
    ...(rsa ? { rsa } : {}),
  };
}

/** Lists that were checked before, by their signature: a payment looks at one several times. */
const checked = new WeakMap<Context, Map<string, Shown>>();

/** @throws {PaymentProblem} `storage-fault`, `broker-untrusted` */
function read(ctx: Context, brk: string, stored: Doc<'mint'>): Shown {
  const list = decode(keyListSchema, stored.list, 'storage-fault');
  const lists = checked.get(ctx) ?? new Map<string, Shown>();
  checked.set(ctx, lists);
  const before = lists.get(list.sig);
  if (before) return before;
  const records = decode(v.array(keysetSchema), stored.keysets, 'storage-fault');
  const shown = { list, keysets: readKeyList({ list, records }, ctx.broker(brk).keys, ctx.env().crypto) };
  lists.set(list.sig, shown);
  return shown;
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
