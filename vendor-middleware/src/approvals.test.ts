// What a payment asks of its broker before anything is written: shared, bounded, and never a guess about what became of it.
import { nodeEnv } from '@farthing/node-kit';
import { type BrokerAsk, type JsonObject, limits, PaymentProblem, type Tally } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Approvals } from './approvals.ts';
import { fetchBrokerKeys } from './broker-client.ts';
import { type TinyBroker, tinyBroker } from './testing/tiny-broker.ts';

let broker: TinyBroker;
let approvals: Approvals;
const told: string[] = [];
/** What the broker was asked, without the envelope. */
let asked: JsonObject[] = [];
let answer: () => JsonObject;

beforeEach(async () => {
  broker = await tinyBroker();
  told.length = 0;
  asked = [];
  answer = () => ({ good: true });
  for (const path of ['/v1/toy', '/v1/toy/void']) {
    broker.routes[path] = (order) => {
      asked.push({ path, n: order['n'] ?? null });
      return answer();
    };
  }
  const keys = await fetchBrokerKeys(broker.url, nodeEnv().crypto, broker.brk);
  const tell = ({ code }: { code: string }) => told.push(code);
  approvals = new Approvals({ seed: nodeEnv().random(32), broker: { url: broker.url, keys }, env: nodeEnv, tell });
});
afterEach(async () => {
  await approvals.close();
  await broker.close();
});

const question = (n: number): BrokerAsk<unknown> => ({
  ...{ brk: broker.brk, path: '/v1/toy', typ: 'toy/1', members: { n } },
  read: ({ good }) => good,
});
const giveUp = () => ({ brk: broker.brk, path: '/v1/toy/void', typ: 'toy-void/1', members: { n: 0 } });
const ask = async (n: number, name = String(n)) => (await approvals.ask(question(n), { id: `p${n}`, name })).said;
const code = (expected: string, consumed: unknown = false) =>
  expect.objectContaining({ code: expected, extra: expect.objectContaining({ consumed }) });

describe('A question that a payment waits for', () => {
  test('is asked once for all who ask it at once, and again afterwards', async () => {
    expect(await Promise.all(Array.from({ length: 100 }, () => ask(1)))).toEqual(Array(100).fill(true));
    expect(asked).toHaveLength(1);
    await ask(1);
    expect(asked).toHaveLength(2);
  });

  test('that the broker refuses is the answer for the payer, with what the broker says of it', async () => {
    answer = () => {
      throw new PaymentProblem('coin-spent', { consumed: true, members: { spent: ['a', 'b'], deep: { a: 1 } } });
    };
    const refusal = await ask(1).catch((error: unknown) => error);
    expect(refusal).toEqual(code('coin-spent', true));
    expect((refusal as PaymentProblem).extra.members).toEqual({ spent: ['a', 'b'] });
    expect(told).toEqual([]);
  });

  test('that the broker refuses because of the site is told to its owner, once, and costs the payer nothing', async () => {
    answer = () => {
      throw new PaymentProblem('vendor-unknown');
    };
    await expect(ask(1)).rejects.toEqual(code('site-not-ready'));
    await expect(ask(2)).rejects.toEqual(code('site-not-ready'));
    expect(told).toEqual(['payment-unasked']);
  });

  test('of which the answer was lost has an unknown outcome; the next time it is the same question', async () => {
    broker.mood.now = 'deaf';
    await expect(ask(1)).rejects.toEqual(code('outcome-unknown', 'unknown'));
    broker.mood.now = 'well';
    expect(await ask(1)).toBe(true);
    expect(asked[0]).toEqual(asked[1]);
  });

  test('that nobody can have heard leaves nothing unknown', async () => {
    await broker.close();
    await expect(ask(1)).rejects.toEqual(code('site-not-ready'));
  });

  test('that another than the broker answers is not believed', async () => {
    broker.mood.now = 'liar';
    await expect(ask(1)).rejects.toEqual(code('broker-untrusted', 'unknown'));
  });

  test('is not sent to a broker that it is not meant for', async () => {
    const elsewhere = { ...question(1), brk: 'somebody-else' };
    await expect(approvals.ask(elsewhere, { id: 'p', name: 'p' })).rejects.toMatchObject({ code: 'broker-unknown' });
    expect(asked).toEqual([]);
  });

  test('is one of a bounded number', async () => {
    const all = Array.from({ length: limits.openQuestions }, (_, n) => ask(n));
    await expect(ask(limits.openQuestions)).rejects.toMatchObject({ code: 'site-not-ready' });
    await Promise.all(all);
  });
});

describe('Copies of one credential', () => {
  test('that come between the answer and the write ask nothing: they find the payment written', async () => {
    const disk = Promise.withResolvers<void>();
    let written = false;
    const copy = () =>
      approvals.inTurn('c', async () => {
        if (written) return 'known';
        await ask(1);
        await disk.promise;
        written = true;
        return 'won';
      });
    const first = copy();
    await expect.poll(() => asked.length).toBe(1);
    const later = Array.from({ length: 20 }, copy);
    disk.resolve();
    expect([await first, ...(await Promise.all(later))]).toEqual(['won', ...Array(20).fill('known')]);
    expect(asked).toHaveLength(1);
  });

  test('hear what ended the one that they waited for; the next is asked about again', async () => {
    answer = () => {
      throw new PaymentProblem('coin-spent', { consumed: true });
    };
    const copy = () => approvals.inTurn('c', () => ask(1));
    const ends = await Promise.allSettled(Array.from({ length: 20 }, copy));
    expect(ends.map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    expect(asked).toHaveLength(1);
    answer = () => ({ good: true });
    expect(await copy()).toBe(true);
  });
});

describe('A payment that failed', () => {
  test('is given up before the same payment is asked about again', async () => {
    await ask(1);
    const gone = approvals.giveUp(giveUp(), 'p1');
    await ask(1, 'again');
    expect(asked.map(({ path }) => path)).toEqual(['/v1/toy', '/v1/toy/void', '/v1/toy']);
    expect(await gone).toBe(true);
  });

  test('is waited for by a payment that was refused meanwhile: it may rest on what was held', async () => {
    let held = true;
    answer = () => {
      if (asked.at(-1)?.['path'] === '/v1/toy/void') held = false;
      else if (held) throw new PaymentProblem('coin-spent');
      return { good: true };
    };
    broker.mood.now = 'away';
    const gone = approvals.giveUp(giveUp(), 'p1');
    broker.mood.now = 'well';
    expect(await ask(2)).toBe(true);
    expect(await gone).toBe(true);
  });

  test('may still be held when the site closes before the broker has heard of it', async () => {
    await broker.close();
    const gone = approvals.giveUp(giveUp(), 'p1');
    await approvals.close();
    expect(await gone).toBe(false);
  });
});

test('A full tally asks for a higher limit, which is remembered; what the broker does not allow stays refused', async () => {
  const tally: Tally = {
    ...{ key: 'customer', add: 10n, limit: 50n, code: 'limit-reached' },
    raise: (spent) => ({ ...question(Number(spent)), read: ({ limit }) => BigInt(String(limit)) }),
  };
  answer = () => ({ limit: '80' });
  expect(approvals.withLimit(tally)).toBe(tally);
  expect(await approvals.raise(tally, 50n, 'p1')).toBe(true);
  expect(approvals.withLimit(tally).limit).toBe(80n);
  expect(await approvals.raise(tally, 80n, 'p2')).toBe(false);
  expect(asked.map(({ n }) => n)).toEqual([50, 80]);
  const { raise: _, ...silent } = tally;
  expect(await approvals.raise(silent, 50n, 'p3')).toBe(false);
});
