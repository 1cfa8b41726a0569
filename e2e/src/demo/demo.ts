// `npm run demo`: broker and newspaper on free ports, and Chromium with the wallet on the front page. Without a display,
// or with --check, the visit is made headless and every step is printed. --check ends with one line of JSON.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { visit } from '../harness/browser.ts';
import { freePort, startBrokerProcess, startSiteProcess } from '../harness/processes.ts';
import { ledgerLines, runAudit } from './books.ts';
import { balanceOf, firstPaidPage } from './first-visit.ts';
import { kindsAt, pagesOfEachKind } from './four-kinds.ts';

const help = `npm run demo [-- options]

Starts a broker and the Harbour Gazette on free ports and opens Chromium with the Farthing wallet.

  --check      make the visit headless; the last line is JSON: ok, paidMicro, balanceBeforeMicro, balanceAfterMicro,
               payments (page, method, why, paidMicro: one by each kind of money), receipt of the first, auditOk;
               exit status 0 when all of it went well
  --headless   make the visit headless and print what happened, also where there is a display
  --keep       keep the folder with the ledger and the browser profile
  --help       this text

Everything happens on this machine with demo money. Ctrl-C ends it and leaves nothing behind.`;

const { values } = parseArgs({
  options: {
    check: { type: 'boolean' },
    headless: { type: 'boolean' },
    keep: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const hasDisplay = process.platform !== 'linux' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
const headless = values.check || values.headless || !hasDisplay;

const folder = mkdtempSync(join(tmpdir(), 'farthing-demo-'));
const undo: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;
/** Whatever was started ends in the opposite order; once, however often it is asked for. */
function end(): Promise<void> {
  ending ??= (async () => {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  })();
  return ending;
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void end().then(() => process.exit(130)));
}

const say = (text: string) => console.log(text);

/** A visit takes seconds; one that hangs must say so. */
function tooLong(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  setTimeout(
    () => reject(new Error('The visit did not end within two minutes; the steps above show how far it came.')),
    120_000,
  ).unref();
  return promise;
}

try {
  const broker = await startBrokerProcess(join(folder, 'broker'), 0, ['--ecash']);
  undo.push(() => broker.stop());
  say(`Broker   ${broker.url} (test mode, ledger in SQLite)`);
  // The site waits for the keys of the coins, and the browser takes its time to open: both at once.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const article = `${url}/article/last-lighthouse-keeper`;
  const opening = startSiteProcess(broker.url, join(folder, 'site'), port, ['--coins']);
  undo.push(async () => (await opening).stop());
  const coming = visit({ brokerUrl: broker.url, demoUrl: article, headless, profile: join(folder, 'profile') });
  undo.push(async () => (await coming).close());
  const [site, browser] = await Promise.all([opening, coming]);
  const kinds = await kindsAt(article);
  say(`Site     ${site.url} (The Harbour Gazette, takes ${kinds.join(', ')})`);
  if (headless) await Promise.race([headlessVisit(), tooLong()]);
  else await guidedVisit();

  async function headlessVisit(): Promise<void> {
    const shots = join(import.meta.dirname, '..', '..', 'out');
    mkdirSync(shots, { recursive: true });
    const first = await firstPaidPage(browser, { article, screenshot: join(shots, 'demo-article.png'), say });
    const payments = await pagesOfEachKind(browser, { site: url, say });
    const balanceAfterMicro = await balanceOf(browser);
    await site.stop();
    say('Ledger   what the broker booked:');
    for (const line of ledgerLines(join(folder, 'broker'))) say(`         ${line}`);
    const auditOk = await runAudit(join(folder, 'broker'));
    say(`Audit    ${auditOk ? 'clean: every line recomputed from the journal' : 'FOUND DIFFERENCES'}`);
    const { balanceBeforeMicro, receipt } = first;
    const paidMicro = payments.reduce((sum, one) => sum + one.paidMicro, 0n);
    const isExact = balanceBeforeMicro - balanceAfterMicro === paidMicro;
    const isEach = kinds.length === 4 && kinds.every((kind) => payments.some(({ method }) => method === kind));
    const ok = auditOk && isExact && isEach;
    await end();
    const facts = { ok, paidMicro, balanceBeforeMicro, balanceAfterMicro, payments, receipt, auditOk };
    if (values.check)
      say(JSON.stringify(facts, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
    process.exitCode = ok ? 0 : 1;
  }

  async function guidedVisit(): Promise<void> {
    const [first = await browser.context.newPage()] = browser.context.pages();
    await first.goto(site.url);
    say('\nThe front page is open, and so is the wallet’s welcome page: click "Start with demo money", then read on.');
    say('After an article, try what is paid as it comes: the film by the second, the tides by the day, the radio log.');
    say('The print comes sealed, and its key with the payment. "Most private" in the budgets pays with private coins.');
    say('Close the browser, or press Ctrl-C here, to end.');
    await new Promise<void>((resolve) => browser.context.once('close', () => resolve()));
    await site.stop();
    say(`Audit    ${(await runAudit(join(folder, 'broker'))) ? 'clean' : 'FOUND DIFFERENCES'}`);
    await end();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await end();
  process.exitCode = 1;
}
