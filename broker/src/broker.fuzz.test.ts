// Random lives of a broker against a model of a dozen lines; the audit recomputes the laws after each step.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bench, DAY_SECONDS, Person, pieceOf, Site, type Sold } from './testing/client.ts';
import {
  buyChain,
  buyTicket,
  certify,
  claimOf,
  closeOrder,
  closing,
  commitTo,
  redeemWords,
  type Session,
} from './testing/payword.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? Date.now() % 2 ** 31);
const runs = Number(process.env['FARTHING_RUNS'] ?? 6);

const FAUCET = 2_000_000n;
/** What every account may owe. */
const LINE = 1_500_000n;

type Held = {
  piece: Sold['pieces'][number];
  site: number;
  owner: number;
  face: bigint;
  credited: bigint;
  most: bigint;
};
/** A ticket of a chain of its own, or a commitment: `n` words of `unit`. */
type Words = {
  session: Session;
  chain: Awaited<ReturnType<typeof buyChain>> | undefined;
  site: number;
  owner: number;
  n: number;
  unit: bigint;
  ticket: number;
  credited: bigint;
  most: bigint;
  refunded: bigint;
  hi: number;
};
type World = {
  bench: Bench;
  sites: Site[];
  people: Person[];
  held: Held[];
  words: Words[];
  balances: bigint[];
  owed: bigint[];
};

const amount = fc.oneof(fc.bigInt(1n, 2_000_000n), fc.constantFrom(1n, 2n ** 53n + 1n, 10n ** 18n));
const chain = { n: fc.integer({ min: 1, max: 12 }), unit: fc.bigInt(1n, 90_000n) };
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('faucet' as const), who: fc.nat(1), amount }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('buy' as const), who: fc.nat(1), site: fc.nat(1), amount }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), site: fc.nat(1), which: fc.nat(), amount }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), which: fc.nat(), amount }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('chain' as const), who: fc.nat(1), site: fc.nat(1), ...chain }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('promise' as const), who: fc.nat(1), site: fc.nat(1), ...chain }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('words' as const), which: fc.nat(), ...chain, more: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), which: fc.nat(), ...chain }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const accepted = (code: string): boolean => code === 'accepted';
const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new Error('an empty list');
  return item;
};
const atLeast0 = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
const least = (...amounts: [bigint, ...bigint[]]): bigint => amounts.reduce((a, b) => (a < b ? a : b));
const raise = (list: bigint[], index: number, by: bigint): void => {
  list[index] = (list[index] ?? 0n) + by;
};

/** Does one thing at the broker and in the model; both must agree on whether it was allowed. */
async function perform(world: World, action: Step): Promise<void> {
  const { bench, sites, people, held, balances, owed } = world;
  if (action.do === 'faucet') {
    const order = at(people, action.who).order('faucet/1', { amount: action.amount.toString(), cur: 'usd-micro' });
    const given = accepted(await bench.refused('/v1/faucet', order));
    if (action.amount > FAUCET) expect(given).toBe(false);
    if (given) raise(balances, action.who, action.amount);
  } else if (action.do === 'buy') {
    const [person, site] = [at(people, action.who), at(sites, action.site)];
    const enough = (balances[action.who] ?? 0n) >= action.amount;
    if (!enough) {
      expect(accepted(await bench.refused('/v1/scrip/buy', person.buyOrder(site.vnd, action.amount)))).toBe(false);
      return;
    }
    const piece = pieceOf(await person.buy(site.vnd, action.amount));
    raise(balances, action.who, -action.amount);
    const face = action.amount;
    held.push({ piece, site: action.site, owner: action.who, face, credited: 0n, most: face });
  } else if (action.do === 'claim') {
    const site = at(sites, action.site);
    const known = held.length > 0 ? at(held, action.which) : undefined;
    const root = known?.piece.scrip.root ?? 'k1.7';
    await site.redeem([{ root, cum: action.amount }]);
    // The same id at the other site is another piece: the model looks for one of this site.
    const piece = held.find((item) => item.site === action.site && item.piece.scrip.root === root);
    if (!piece) return;
    const credited = action.amount < piece.most ? action.amount : piece.most;
    if (credited <= piece.credited) return;
    raise(owed, action.site, credited - piece.credited);
    piece.credited = credited;
  } else if (action.do === 'refund' && held.length > 0) {
    const item = at(held, action.which);
    const person = at(people, item.owner);
    const release = at(sites, item.site).release(item.piece.scrip, person.pk, action.amount);
    const order = person.order('scrip-refund/1', { release, as: 'balance' });
    const allowed = item.most === item.face && action.amount <= item.face - item.credited;
    expect(accepted(await bench.refused('/v1/scrip/refund', order))).toBe(allowed);
    if (!allowed) return;
    raise(balances, item.owner, action.amount);
    item.most = item.face - action.amount;
  } else if (action.do === 'chain' || action.do === 'promise') {
    await begin(world, action);
  } else if (action.do === 'words' && world.words.length > 0) {
    await claimWords(world, action);
  } else if (action.do === 'close' && world.words.length > 0) {
    await end(world, action);
  } else if (action.do === 'restart') {
    await bench.stop();
    await bench.start({ faucetMicro: FAUCET, creditMicro: LINE });
  } else if (action.do === 'expire') {
    bench.offsetMs += 9 * DAY_SECONDS * 1000;
    await bench.stop();
    await bench.start({ faucetMicro: FAUCET, creditMicro: LINE });
    for (const item of held.splice(0)) {
      const refunded = item.most === item.face ? 0n : item.face - item.most;
      raise(balances, item.owner, item.face - refunded - item.credited);
    }
    for (const item of world.words.splice(0)) {
      if (item.chain) raise(balances, item.owner, BigInt(item.n) * item.unit - item.credited - item.refunded);
    }
  }
}

/** A chain with one ticket for all but its last word, or a commitment. */
async function begin(world: World, { do: what, who, site: number, n, unit }: Step & { do: 'chain' | 'promise' }) {
  const { bench, sites, people, balances, words } = world;
  const [person, site] = [at(people, who), at(sites, number)];
  const price = BigInt(n) * unit;
  const common = { site: number, owner: who, n, unit, credited: 0n, refunded: 0n, hi: 0 };
  if (what === 'promise') {
    const session = commitTo(bench, await certify(person, site.vnd, LINE), n, unit);
    words.push({ ...common, session, chain: undefined, ticket: n, most: price });
  } else if ((balances[who] ?? 0n) >= price) {
    const own = await buyChain(person, n, unit);
    const ticket = Math.max(1, n - 1);
    const session = await buyTicket(person, own, { vnd: site.vnd, first: 1, last: ticket });
    raise(balances, who, -price);
    words.push({ ...common, session, chain: own, ticket, most: BigInt(ticket) * unit });
  }
}

/** An honest claim, or one for up to three base units more than its words are worth. */
async function claimWords({ sites, words, balances, owed }: World, { which, n, more }: Step & { do: 'words' }) {
  const item = at(words, which);
  const i = Math.min(n, item.ticket);
  const cum = BigInt(i) * item.unit + BigInt(more);
  await redeemWords(at(sites, item.site), claimOf(item.session, i, { cum }));
  const hi = Math.max(item.hi, i);
  const room = item.chain ? item.most : item.credited + atLeast0((balances[item.owner] ?? 0n) + LINE);
  const credited = least(cum, BigInt(hi) * item.unit, item.most, room);
  if (credited <= item.credited) return;
  const increase = credited - item.credited;
  raise(owed, item.site, increase);
  if (!item.chain) raise(balances, item.owner, -increase);
  Object.assign(item, { credited, hi });
}

/** The site says what was spent, the customer ends the chain. */
async function end({ bench, sites, people, words, balances }: World, { which, n }: Step & { do: 'close' }) {
  const item = at(words, which);
  const spent = BigInt(Math.min(n, item.ticket)) * item.unit;
  const word = closing(at(sites, item.site), item.session, spent, Math.min(n, item.ticket));
  const order = closeOrder(at(people, item.owner), [word], item.chain);
  const known = item.chain !== undefined || item.credited > 0n;
  const allowed = !known || (spent >= item.credited && spent <= item.most);
  expect(accepted(await bench.refused('/v1/payword/close', order))).toBe(allowed);
  if (!allowed || !known) return;
  item.most = spent;
  if (!item.chain) return;
  const refund = BigInt(item.n) * item.unit - item.refunded - spent;
  raise(balances, item.owner, refund);
  item.refunded += refund;
}

async function agree({ bench, sites, people, balances, owed }: World): Promise<void> {
  const { findings } = await bench.audit();
  expect(findings).toEqual([]);
  for (const [i, person] of people.entries()) {
    expect((await person.statement())['balance']).toBe(String(atLeast0(balances[i] ?? 0n)));
  }
  for (const [i, site] of sites.entries()) {
    expect((await site.statement({ vnd: site.vnd }))['balance']).toBe(String(owed[i] ?? 0n));
  }
}

test('whatever customers and sites do in whatever order, the laws hold and every balance is as modelled', async () => {
  console.log(`seed ${seed}, ${runs} runs (FARTHING_SEED, FARTHING_RUNS)`);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using bench = await new Bench().start({ faucetMicro: FAUCET, creditMicro: LINE });
      const far = { exp: Math.floor(Date.now() / 1000) + 1_000 * DAY_SECONDS };
      const sites = [await new Site(bench, 'a.example').open(far), await new Site(bench, 'b.example').open(far)];
      const people = [new Person(bench), new Person(bench)];
      const world: World = { bench, sites, people, held: [], words: [], balances: [0n, 0n], owed: [0n, 0n] };
      for (const action of steps) {
        await perform(world, action);
        await agree(world);
      }
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
});
