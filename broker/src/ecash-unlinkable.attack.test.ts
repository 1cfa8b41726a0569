// The game of unlinkability: a broker that keeps everything it ever saw is asked which withdrawal each payment came from. It
// does no better than by guessing; one that gives each person keys of his own would know, and is refused for it.
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { makeMintKey } from '@farthing/node-kit';
import { toBase64url } from '@farthing/protocol';
import { type KeysetRecord, keysetOf, keysetsResult, signKeyList, signKeyset } from '@farthing/protocol/broker';
import { seeded } from '@farthing/protocol/testing';
import { keyListHash, readKeyList } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import { openKeys } from './keys.ts';
import { ledgerPath } from './start.ts';
import { Bench, Site } from './testing/client.ts';
import { Holder, present } from './testing/coins.ts';

const PLAYERS = 256;
/** Right guesses out of 256 are one on average; eleven or more come by chance once in a hundred million games. */
const CHANCE = 10;
const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);

type Withdrawal = { readonly from: string; readonly ks: string; readonly b: bigint; readonly signed: bigint };
type Payment = { readonly pk: string; readonly ks: string; readonly sig: bigint; readonly spend: bigint };
/** How much a payment looks like a withdrawal: the least is guessed. */
type Hunch = (payment: Payment, withdrawal: Withdrawal, places: { payment: number; withdrawal: number }) => bigint;

const whole = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
const apart = (a: bigint, b: bigint): bigint => (a < b ? b - a : a - b);
const bits = (value: bigint): bigint => BigInt(value.toString(2).replaceAll('0', '').length);

/** What somebody with all books and the private key of the mint may look at. */
const hunchesWith = (n: bigint): Readonly<Record<string, Hunch>> => ({
  'the time': (_payment, _withdrawal, places) => BigInt(Math.abs(places.payment - places.withdrawal)),
  'the keyset': (payment, withdrawal) => (payment.ks === withdrawal.ks ? 0n : 1n),
  'what was blinded, beside the signature': ({ sig }, { b }) => apart(sig, b),
  'what was signed, beside the signature': ({ sig }, { signed }) => apart(sig, signed),
  'the bits of both signatures': ({ sig }, { signed }) => bits(sig ^ signed),
  'the factor that makes one of the other, if it is small': ({ sig }, { signed }) => (signed * inverse(sig, n)) % n,
  'the keys of person and coin': ({ pk }, { from }) => apart(whole(pk), whole(from)),
  'the last bytes': ({ sig, spend }, { b, signed }) => (sig ^ b ^ signed ^ spend) & 0xffffn,
});

/** How many payments the lowest score gives to the right withdrawal. `owner[p]`: the withdrawal of payment p. */
function linked(
  hunch: Hunch,
  withdrawals: readonly Withdrawal[],
  payments: readonly Payment[],
  owner: number[],
): number {
  return payments.filter((payment, p) => {
    const scores = withdrawals.map((one, w) => hunch(payment, one, { payment: p, withdrawal: w }));
    const least = scores.reduce((a, b) => (b < a ? b : a));
    return scores.indexOf(least) === owner[p];
  }).length;
}

it(`the books of the broker link ${PLAYERS} payments to withdrawals no better than guesses do (seed ${seed})`, async () => {
  await using bench = await new Bench().start({ ecash: { denominations: [1n] } });
  const site = await new Site(bench).open();
  const players = Array.from({ length: PLAYERS }, () => new Holder(bench));
  await players[0]?.learn();
  const [keyset] = players[0]?.keysets.values() ?? [];
  if (!keyset) throw new Error('one keyset was made');
  await Promise.all(
    players.map(async (player) => {
      player.keysets.set(keyset.ks, keyset);
      await player.faucet(1n);
      await player.withdraw([1n]);
    }),
  );
  const rng = seeded(seed);
  const shuffled = players.map((player) => ({ player, at: rng.below(2 ** 31) })).sort((a, b) => a.at - b.at);
  const whose = new Map<string, string>();
  await Promise.all(
    shuffled.map(async ({ player }) => {
      const taken = player.take(1n, { change: false });
      for (const { coin } of taken.coins) whose.set(coin.pk, player.pk);
      const id = randomBytes(32).toString('base64url');
      await present(site, player.sign(taken, site, id, 1n), false);
    }),
  );

  const { withdrawals, payments } = booksOf(bench);
  const owner = payments.map(({ pk }) => withdrawals.findIndex(({ from }) => from === whose.get(pk)));
  expect([withdrawals.length, payments.length]).toEqual([PLAYERS, PLAYERS]);
  for (const [name, hunch] of Object.entries(hunchesWith(keyset.key.n))) {
    expect(linked(hunch, withdrawals, payments, owner), name).toBeLessThanOrEqual(CHANCE);
  }

  // The control: with a keyset for each person the same adversary is right every time.
  const tagged = (ks: string, place: number | undefined) => `${ks} ${place}`;
  const own = withdrawals.map((one, place) => ({ ...one, ks: tagged(one.ks, place) }));
  const told = payments.map((one, p) => ({ ...one, ks: tagged(one.ks, owner[p]) }));
  const byKeyset: Hunch = (payment, withdrawal) => (payment.ks === withdrawal.ks ? 0n : 1n);
  expect(linked(byKeyset, own, told, owner)).toBe(PLAYERS);
}, 60_000);

it('a broker that gives each person keys of his own shows lists that differ from the one that sites name', async () => {
  await using bench = await new Bench().start({ ecash: { denominations: [1n] } });
  const { crypto } = bench.env();
  const { list, keysets } = v.parse(keysetsResult, await bench.until('/v1/ecash/keysets'));
  const named = keyListHash(list, crypto);
  const keys = openKeys(bench.data, bench.env());
  const records: KeysetRecord[] = [];
  for (const { sig: _, ...like } of [...keysets, ...keysets, ...keysets]) {
    const { n } = await makeMintKey();
    records.push(signKeyset({ ...like, n: toBase64url(n) }, keys.seed, crypto));
  }
  const shownTo = (some: readonly KeysetRecord[]) => {
    const names = some.map((record) => keysetOf(record, crypto).ks);
    return { list: signKeyList({ ...list, keysets: names }, keys.seed, crypto), records: some };
  };
  for (const record of records) {
    const shown = shownTo([record]);
    expect(readKeyList(shown, bench.public, crypto), 'by itself it looks well').toHaveLength(1);
    expect(keyListHash(shown.list, crypto), 'but it is not what everybody has').not.toBe(named);
  }
  expect(() => readKeyList(shownTo(records), bench.public, crypto), 'nor do all of them fit one list').toThrow(
    'broker-untrusted',
  );
});

/** Every withdrawal and every payment, in the order of the books. */
function booksOf(bench: Bench): { withdrawals: Withdrawal[]; payments: Payment[] } {
  const db = new DatabaseSync(ledgerPath(bench.data), { readOnly: true });
  const rows = db.prepare('SELECT typ, body, answer FROM stored_order ORDER BY n').all();
  db.close();
  const all = rows.map((row) => ({
    typ: row['typ'],
    order: JSON.parse(String(row['body'])) as Order,
    answer: JSON.parse(String(row['answer'])) as { result: { signatures?: string[] } },
  }));
  const withdrawals = all
    .filter(({ typ }) => typ === 'ecash-withdraw/1')
    .flatMap(({ order, answer }) =>
      (order.outputs ?? []).map(({ ks, b }, i) => {
        return { from: order.from, ks, b: whole(b), signed: whole(answer.result.signatures?.[i] ?? 'AA') };
      }),
    );
  const payments = all
    .filter(({ typ }) => typ === 'ecash-deposit/1')
    .flatMap(({ order }) =>
      (order.coins ?? []).map(({ ks, pk, sig, spend }) => ({ ks, pk, sig: whole(sig), spend: whole(spend) })),
    );
  return { withdrawals, payments };
}

type Order = {
  readonly from: string;
  readonly outputs?: { ks: string; b: string }[];
  readonly coins?: { ks: string; pk: string; sig: string; spend: string }[];
};

/** By Euclid: n is the modulus of a signature, to which nearly every number is coprime. */
const inverses = new Map<bigint, bigint>();
function inverse(value: bigint, n: bigint): bigint {
  const known = inverses.get(value);
  if (known !== undefined) return known;
  let [r, next, t, following] = [n, value % n, 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [t, following] = [following, t - quotient * following];
  }
  const found = ((t % n) + n) % n;
  inverses.set(value, found);
  return found;
}
