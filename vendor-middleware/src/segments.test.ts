// Segments over real HTTP: parts of one commitment on two devices, which know nothing of each other.
import { decode, parseJson } from '@farthing/protocol';
import { paywordPieceSchema } from '@farthing/protocol/wallet';
import { afterEach, expect, test } from 'vitest';
import { memory } from './index.ts';
import { allOf } from './testing/events.ts';
import { Payer } from './testing/payer.ts';
import { problemOf, testSite } from './testing/site.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const open = async () => {
  const site = await testSite({ methods: ['scrip', 'payword'], store: memory() });
  cleanups.push(() => site.close());
  return site;
};

test('two devices pay one site at once out of two segments of one commitment, and its cap holds for both', async () => {
  const site = await open();
  site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
  const url = `${site.url}/call`;
  const sale = { vnd: site.pay.vnd, n: 20, unit: 10n, m: 3, cap: 400n };
  // Handed over as text: a device knows its own segment, and none of the others.
  const handed = site.broker.payword.segments(sale).map((piece) => JSON.stringify(piece));
  const [phone, laptop, tablet] = handed.map(
    (text) => new Payer(decode(paywordPieceSchema, parseJson(text), 'storage-fault')),
  );
  if (!phone || !laptop || !tablet) throw new Error('three segments');
  expect(handed[1]).not.toContain(phone.piece.tip);
  const spend = async (device: Payer) => {
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++) {
      statuses.push(
        await device.pay(url).then(
          ({ answer }) => answer.status,
          () => 0,
        ),
      );
    }
    return statuses.filter((status) => status === 200).length;
  };
  expect(await Promise.all([phone, laptop].map(spend))).toEqual([20, 20]);
  const over = await tablet.pay(url);
  expect([over.answer.status, (await problemOf(over.answer))['code']]).toEqual([402, 'limit-reached']);
  await site.pay.redeemNow();
  expect([site.broker.payword.total(), site.broker.payword.alarms]).toEqual([400n, []]);
});

test('two devices watch one stream each out of two segments of one commitment', async () => {
  const site = await open();
  site.app.all(
    '/live',
    site.pay.stream({ price: '0.00001 USD', unit: 'second', holdMs: 50 }, async function* () {
      for (;;) yield 'data: 1\n\n';
    }),
  );
  const pieces = site.broker.payword.segments({ vnd: site.pay.vnd, n: 20, unit: 10n, m: 2, cap: 400n });
  const devices = pieces.map((piece) => new Payer(piece));
  const answers = await Promise.all(devices.map((device, i) => device.pay(`${site.url}/live`, {}, 5 + i)));
  const events = await Promise.all(answers.map(({ answer }) => allOf(answer)));
  expect(events.map((all) => all.filter(({ event }) => event === 'unit').length)).toEqual([5, 6]);
  await site.pay.redeemNow();
  expect([site.broker.payword.total(), site.broker.payword.deals.size]).toEqual([110n, 2]);
});
