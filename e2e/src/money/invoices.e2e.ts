// When a period has ended, the customer's wallet and the site each read what the broker says of it, and see every payment of theirs
// proven on signed papers.
import { type JsonObject, objectHash, portableCrypto, toBase64url } from '@farthing/protocol';
import { receiptLeaf } from '@farthing/protocol/broker';
import { judgeEvidence } from '@farthing/protocol/wallet';
import { payingFetch } from '@farthing/wallet';
import { openWallet } from '@farthing/wallet/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lie, LyingBroker } from '../harness/lying-broker.ts';
import { runCommand } from '../harness/processes.ts';
import { type Shop, Town, TRUSTED } from '../profiles/town.ts';
import { read } from '../profiles/visit.ts';

const PRICE = 1000n;
const DAY_MS = 86_400_000;
let town: Town;
let served: Shop;
let decided: Shop;

beforeAll(async () => {
  town = await Town.open({ invoicePeriod: 'daily', paywordFeeBps: 250 });
  const sell: Parameters<Town['shop']>[0]['sell'] = (app, pay) => {
    app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
  };
  const cheque = (captures: ('now' | 'deferred')[]) => ({ methods: ['cheque'] as const, cheque: { captures } });
  served = await town.shop({ vnd: 'served.example', options: cheque(['deferred']), sell });
  decided = await town.shop({ vnd: 'decided.example', options: cheque(['now']), sell });
});
afterAll(async () => {
  await town.mustBalance();
  await town[Symbol.asyncDispose]();
});

/** The broker looks at what is due when it starts, as it does every hour. */
async function nextDay(): Promise<void> {
  for (const { pay } of [served, decided]) await pay.redeemNow();
  town.bench.offsetMs += DAY_MS;
  await town.stopBroker();
  await town.startBroker();
}

it('an invoice tells each payment of its customer, proven, and the notes of the sites tell the same sums', async () => {
  const [anna, ben] = [
    await town.wallet({ micro: 100_000n, trusts: [served, decided] }),
    await town.wallet({ micro: 100_000n, trusts: [served, decided] }),
  ];
  const pages: string[] = [];
  for (const [shop, count] of [
    [served, 3],
    [decided, 2],
  ] as const) {
    for (let n = 0; n < count; n++) {
      const { receipt } = await read(anna, `${shop.url}/page/${n}`);
      if (shop === decided) pages.push(receipt.challengeId);
    }
    await read(ben, `${shop.url}/page/9`);
  }
  expect(await anna.invoices()).toEqual([]);
  await nextDay();

  const [invoice, ...rest] = await anna.invoices();
  expect(rest).toEqual([]);
  expect(invoice).toMatchObject({ number: 1, billedMicro: 5n * PRICE, owedMicro: 0n });
  expect(invoice?.lines.map(({ vnd, count, totalMicro }) => [vnd, count, totalMicro])).toEqual([
    ['decided.example', 2, 2n * PRICE],
    ['served.example', 3, 3n * PRICE],
  ]);
  const brk = invoice?.brk ?? '';
  const { payments } = await anna.proveInvoice({ brk, number: 1 });
  const own = await anna.history({ limit: 10 });
  expect(payments.map(({ id }) => id).toSorted()).toEqual(
    own.flatMap(({ id, kind }) => (kind === 'payment' ? [id] : [])).toSorted(),
  );
  await expect(anna.proveInvoice({ brk, number: 2 })).rejects.toMatchObject({ code: 'not-found' });

  // Ben has paid the same sites; his is another invoice.
  const [his] = await ben.invoices();
  expect([his?.billedMicro, his?.paper.account === invoice?.paper.account]).toEqual([2n * PRICE, false]);

  const [note] = await decided.pay.creditNotes();
  expect(note).toMatchObject({ number: 1, total: '3000', fee: '75', lines: [{ count: 3 }] });
  for (const page of pages) expect((await decided.pay.creditOf(page)).note).toEqual(note);
  await expect(served.pay.creditOf(pages[0] ?? '')).rejects.toMatchObject({ code: 'cheque-unknown' });

  // The next period: another invoice, which follows; a payment of today stands on none yet.
  const { receipt } = await read(anna, `${decided.url}/page/20`);
  expect(await decided.pay.creditOf(receipt.challengeId)).not.toHaveProperty('note');
  expect((await anna.proveInvoice({ brk, number: 1 })).payments).toHaveLength(5);
  await nextDay();
  expect((await anna.invoices()).map(({ number, billedMicro }) => [number, billedMicro])).toEqual([
    [1, 5n * PRICE],
    [2, PRICE],
  ]);
  expect((await anna.proveInvoice({ brk, number: 2 })).payments).toHaveLength(1);
});

it('a broker that signs lies about them is found out', async () => {
  const broker = new LyingBroker(town.bench);
  const wallet = await town.wallet({ micro: 100_000n, trusts: [decided], fetch: broker.fetch });
  for (const n of [1, 2, 3]) await read(wallet, `${decided.url}/page/${n}`);
  await nextDay();
  await read(wallet, `${decided.url}/page/4`);
  await nextDay();
  const { brk = '' } = (await wallet.invoices())[0] ?? {};
  expect((await wallet.proveInvoice({ brk, number: 1 })).payments).toHaveLength(3);

  const aboutInvoice = (edit: (invoice: JsonObject) => JsonObject): Lie => {
    return (path, result) => {
      const { invoice } = result;
      return path === '/v1/payword/invoices' && invoice ? { ...result, invoice: edit(Object(invoice)) } : result;
    };
  };
  const second = (edit: JsonObject) =>
    aboutInvoice((invoice) => (invoice['number'] === 2 ? broker.sign(invoice, edit) : invoice));
  const lies: Record<string, Lie> = {
    'more than its lines': aboutInvoice((invoice) => broker.sign(invoice, { billed: '9000' })),
    'another beginning': second({ before: '5', moved: '995', after: '0' }),
    'no link to the one before': second({ prev: 'A'.repeat(43) }),
    'a number that was left out': second({ number: 3 }),
    "somebody else's": aboutInvoice((invoice) => broker.sign(invoice, { account: 'A'.repeat(43) })),
    unsigned: aboutInvoice((invoice) => ({ ...invoice, due: 2_000_000_000 })),
  };
  for (const [what, lie] of Object.entries(lies)) {
    broker.lie = lie;
    await expect(wallet.invoices(), what).rejects.toMatchObject({ code: 'broker-untrusted' });
  }

  // The sums of this one are right among themselves.
  broker.lie = (path, result) => {
    const invoice: JsonObject = Object(result['invoice']);
    if (path !== '/v1/payword/invoices' || result['invoice'] === undefined) return result;
    if (invoice['number'] !== 1) return { count: 1 };
    const [line] = invoice['lines'] as JsonObject[];
    const more = { billed: '3001', moved: String(BigInt(String(invoice['moved'])) + 1n) };
    return { ...result, invoice: broker.sign(invoice, { ...more, lines: [{ ...line, total: '3001' }] }) };
  };
  expect(await wallet.invoices()).toMatchObject([{ billedMicro: 3001n }]);
  await expect(wallet.proveInvoice({ brk, number: 1 })).rejects.toMatchObject({
    ...{ code: 'broker-untrusted', extra: { detail: expect.stringContaining('another sum') } },
  });

  const placed = (edit: JsonObject): Lie => {
    return (path, result) =>
      path === '/v1/cheque/trace' && result['place']
        ? { ...result, place: { ...Object(result['place']), ...edit } }
        : result;
  };
  const places: Record<string, Lie> = {
    'another place': placed({ index: 2 }),
    'under a root that no line has': placed({ root: 'A'.repeat(43) }),
    'of fewer': placed({ count: 1, path: [], index: 0 }),
    'a payment of the second': placed({ number: 1 }),
    'for another amount': (path, result) =>
      path === '/v1/cheque/trace'
        ? { ...result, receipt: broker.sign(Object(result['receipt']), { amount: '9' }) }
        : result,
  };
  for (const [what, lie] of Object.entries(places)) {
    broker.lie = lie;
    await expect(wallet.proveInvoice({ brk, number: 1 }), what).rejects.toMatchObject({
      code: expect.stringMatching(/^(broker-untrusted|receipt-invalid)$/),
    });
  }
});

it('a site that calls a page free and takes the money is found out by the invoice', async () => {
  const wallet = await town.wallet({ micro: 100_000n, trusts: [decided] });
  const lying: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const answer = await fetch(request);
    if (!request.headers.has('authorization')) return answer;
    await answer.body?.cancel();
    return new Response('sorry', { status: 500, headers: { 'payment-consumed': '?0' } });
  };
  const answer = await payingFetch(lying, wallet)(`${decided.url}/page/7`);
  expect(answer.status).toBe(500);
  const [record] = await wallet.history({ limit: 1 });
  expect(record?.state).toBe('failed_not_charged');
  await nextDay();
  const [{ brk = '', number = 0 } = {}] = await wallet.invoices();
  const { payments, lines } = await wallet.proveInvoice({ brk, number });
  expect([lines.length, payments]).toMatchObject([1, [{ id: record?.id, state: 'failed_not_charged' }]]);
});

it('a broker that refuses a cheque and bills it is named by the papers of the payment', async () => {
  const broker = new LyingBroker(town.bench);
  const wallet = await town.wallet({ micro: 100_000n, trusts: [decided], fetch: broker.fetch });
  const silent: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const answer = await fetch(request);
    if (!request.headers.has('authorization')) return answer;
    await answer.body?.cancel();
    throw new TypeError('the connection broke');
  };
  await expect(payingFetch(silent, wallet, { tries: 1 })(`${decided.url}/page/8`)).rejects.toThrow();
  const [payment] = await wallet.pending();
  const id = payment?.id ?? '';
  await decided.pay.redeemNow();
  broker.lie = (path, result) =>
    path === '/v1/cheque/outcome'
      ? { ...result, receipt: broker.sign(Object(result['receipt']), { result: 'refused', code: 'cheque-void' }) }
      : result;
  expect(await wallet.resolve(id)).toMatchObject({ outcome: 'not_charged' });
  expect(judgeEvidence(await wallet.papers(id), { crypto: portableCrypto }).fault).toMatchObject({ who: 'nobody' });
  await nextDay();
  const [{ brk = '', number = 0 } = {}] = await wallet.invoices();
  const { payments } = await wallet.proveInvoice({ brk, number });
  expect(payments).toMatchObject([{ id, state: 'failed_not_charged' }]);
  const { fault } = judgeEvidence(await wallet.papers(id), { crypto: portableCrypto });
  expect(fault).toEqual({ who: 'broker', what: 'two-outcomes' });
});

it('a broker that withholds what it has credited is found out by its site', async () => {
  const broker = new LyingBroker(town.bench);
  using door = await broker.listen();
  const shop = await town.shop({
    vnd: 'careful.example',
    options: { methods: ['cheque'], cheque: { captures: ['now'] }, broker: door.url },
    sell: (app, pay) => {
      app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
    },
  });
  const wallet = await town.wallet({ micro: 100_000n, trusts: [shop] });
  const payments: string[] = [];
  for (const n of [1, 2]) payments.push((await read(wallet, `${shop.url}/page/${n}`)).receipt.challengeId);
  await shop.pay.redeemNow();
  await nextDay();
  for (const payment of payments) expect((await shop.pay.creditOf(payment)).note?.number).toBe(1);

  const aboutNote = (edit: (note: JsonObject) => JsonObject): Lie => {
    return (path, result) => {
      const { note } = result;
      return path === '/v1/cheque/notes' && note ? { ...result, note: edit(Object(note)) } : result;
    };
  };
  const sums = { total: '1000', fee: '25' };
  const half = { ...sums, credited: '975' };
  const { receipt } = await shop.pay.creditOf(payments[0] ?? '');
  const alone = receiptLeaf(objectHash(receipt, town.bench.env().crypto), town.bench.env().crypto);
  const lines = [{ method: 'cheque', count: 1, root: toBase64url(alone), ...sums }];
  broker.lie = aboutNote((note) => broker.sign(note, { ...half, moved: '975', lines }));
  expect(await shop.pay.creditNotes()).toMatchObject([{ total: '1000', after: '1950' }]);
  await expect(shop.pay.creditOf(payments[1] ?? '')).rejects.toMatchObject({ code: 'broker-untrusted' });

  const lies: Record<string, Lie> = {
    'less than its lines': aboutNote((note) => broker.sign(note, half)),
    'a note that was left out': aboutNote((note) => broker.sign(note, { number: 2 })),
    'of another site': aboutNote((note) => broker.sign(note, { vnd: 'served.example' })),
    unsigned: aboutNote((note) => ({ ...note, to: 2_000_000_000 })),
  };
  for (const [what, lie] of Object.entries(lies)) {
    broker.lie = lie;
    await expect(shop.pay.creditNotes(), what).rejects.toMatchObject({ code: 'broker-untrusted' });
  }
  broker.lie = (path, result) =>
    path === '/v1/cheque/trace'
      ? { ...result, receipt: broker.sign(Object(result['receipt']), { amount: '1' }) }
      : result;
  await expect(shop.pay.creditOf(payments[0] ?? '')).rejects.toMatchObject({ code: 'broker-untrusted' });
});

it('the command line lists invoices, and proves the payments of one', async () => {
  await using street = await Town.open();
  const shop = await street.shop({
    vnd: 'news.example',
    options: { methods: ['cheque'] },
    sell: (app, pay) => {
      app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
    },
  });
  const data = street.newPath();
  const { wallet, close } = await openWallet(data);
  await wallet.init({ brokerUrl: street.bench.url });
  await wallet.topUp({ amountMicro: 100_000n });
  await wallet.setRule(shop.url, TRUSTED);
  for (const n of [1, 2]) await read(wallet, `${shop.url}/page/${n}`);
  close();
  await shop.pay.redeemNow();
  const farthing = (...args: string[]) => runCommand('wallet/src/node/farthing.ts', [...args, '--data', data]);
  expect((await farthing('invoices')).stdout).toBe('No period has been billed yet.\n');
  await runCommand('broker/src/main.ts', ['invoices', '--close', '--data', street.bench.data]);
  expect((await farthing('invoices')).stdout).toMatch(/^1 .* \$0\.002\n +\$0\.002 {2}news\.example {2}2 by cheque\n$/);
  const { stdout } = await farthing('invoices', '1');
  expect(stdout).toContain('2 by cheque, each proven\n');
  expect(stdout).toContain(`${shop.url}/page/1`);
  const proven = JSON.parse((await farthing('invoices', '1', '--json')).stdout);
  expect([proven.billedMicro, proven.payments.length, proven.paper.typ]).toEqual(['2000', 2, 'invoice/1']);
});
