// Random lives of a broker against a model of a dozen lines; the audit recomputes the laws after each step.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { ledgerPath } from './start.ts';
import { Bench, DAY_SECONDS, Person, pieceOf, Site, type Sold } from './testing/client.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? Date.now() % 2 ** 31);
const runs = Number(process.env['FARTHING_RUNS'] ?? 6);

const FAUCET = 2_000_000n;

type Held = {
  piece: Sold['pieces'][number];
  site: number;
  owner: number;
  face: bigint;
  credited: bigint;
  most: bigint;
};
type World = { bench: Bench; sites: Site[]; people: Person[]; held: Held[]; balances: bigint[]; owed: bigint[] };

const amount = fc.oneof(fc.bigInt(1n, 2_000_000n), fc.constantFrom(1n, 2n ** 53n + 1n, 10n ** 18n));
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('faucet' as const), who: fc.nat(1), amount }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('buy' as const), who: fc.nat(1), site: fc.nat(1), amount }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), site: fc.nat(1), which: fc.nat(), amount }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), which: fc.nat(), amount }) },
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
  } else if (action.do === 'restart') {
    await bench.stop();
    await bench.start({ faucetMicro: FAUCET });
  } else if (action.do === 'expire') {
    bench.offsetMs += 9 * DAY_SECONDS * 1000;
    await bench.stop();
    await bench.start({ faucetMicro: FAUCET });
    for (const item of held.splice(0)) {
      const refunded = item.most === item.face ? 0n : item.face - item.most;
      raise(balances, item.owner, item.face - refunded - item.credited);
    }
  }
}

async function agree({ bench, sites, people, balances, owed }: World): Promise<void> {
  const { findings } = auditLedger(ledgerPath(bench.data), bench.public.root);
  expect(findings).toEqual([]);
  for (const [i, person] of people.entries()) {
    expect((await person.statement())['balance']).toBe(String(balances[i] ?? 0n));
  }
  for (const [i, site] of sites.entries()) {
    expect((await site.statement({ vnd: site.vnd }))['balance']).toBe(String(owed[i] ?? 0n));
  }
}

test('whatever customers and sites do in whatever order, the laws hold and every balance is as modelled', async () => {
  console.log(`seed ${seed}, ${runs} runs (FARTHING_SEED, FARTHING_RUNS)`);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using bench = await new Bench().start({ faucetMicro: FAUCET });
      const far = { exp: Math.floor(Date.now() / 1000) + 1_000 * DAY_SECONDS };
      const sites = [await new Site(bench, 'a.example').open(far), await new Site(bench, 'b.example').open(far)];
      const people = [new Person(bench), new Person(bench)];
      const world: World = { bench, sites, people, held: [], balances: [0n, 0n], owed: [0n, 0n] };
      for (const action of steps) {
        await perform(world, action);
        await agree(world);
      }
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
});
