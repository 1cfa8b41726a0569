// The operator's jobs that belong to PayWord: credit and invoices.
import { nodeEnv } from '@farthing/node-kit';
import { type Currency, type Money, parseJson } from '@farthing/protocol';
import { payword } from '@farthing/protocol/broker';
import type { Place } from './books/open.ts';
import type { Party } from './ledger/invoices.ts';
import { account } from './ledger/journal.ts';
import type { SiteParty } from './ledger/notes.ts';
import { int, num, type Row, text } from './ledger/rows.ts';
import { currencyOf } from './ledger/scrip.ts';
import { type Outcome, read, shown, write } from './operate.ts';
import { closePeriods } from './services/invoices.ts';
import { closeNotes } from './services/notes.ts';

/** Lets an account owe up to `line` for PayWord; 0 ends its credit. `key`: what the wallet shows as its account. */
export async function grantCredit(place: Place, key: string, line: Money): Promise<Outcome> {
  const { amount, currency: cur } = line;
  const about = await write(place, ({ ledger, keys, env }) => {
    const name = account.user(key);
    ledger.credit.setLine({ account: name, cur, line: amount, perSite: amount, madeMs: env.nowMs });
    const sites = ledger.vendors.all().filter(({ vnd }) => vnd !== keys.brk).length;
    return { limitMicro: amount, everyMicro: ledger.credit.terms().pollMicro, sites };
  });
  const { lines, json } = amount > 0n && about.sites > 0 ? risk(about, cur) : { lines: [], json: {} };
  const granted = { key, line: amount.toString(), cur, ...json };
  return { lines: [`${key}\t${shown(amount, cur)}`, ...lines], json: granted, status: 0 };
}

/** What the sites could lose to a customer who spends at all of them at once: polling bounds it. */
function risk(about: Parameters<typeof payword.exposure>[0], cur: Currency) {
  const { meanMicro, p99Micro } = payword.exposure(about);
  const text = `Who cheats at ${about.sites} sites at once spends ${shown(meanMicro, cur)} on average, ${shown(p99Micro, cur)} at most in 99 of 100 cases.`;
  return { lines: [text], json: { sites: about.sites, mean: meanMicro.toString(), p99: p99Micro.toString() } };
}

/** Makes the invoices and credit notes of the running period now, instead of at its end. */
export async function closeInvoices(place: Place, invoiceDueDays: number): Promise<void> {
  let last: Party | undefined;
  do last = await write(place, (desk) => closePeriods({ ...desk, settings: { invoiceDueDays } }, { last }));
  while (last);
  let site: SiteParty | undefined;
  do site = await write(place, (desk) => closeNotes(desk, { last: site }));
  while (site);
}

/** Whatever was paid in may be archived: an invoice before that was paid, else it would have stayed. */
const EVERY_INVOICE = `SELECT i.account, i.cur, i.number, i.owed, i.due, i.doc, b.amount AS balance,
    CASE WHEN i.seq < (SELECT coalesce(max(seq), 0) FROM opening) THEN i.owed ELSE (SELECT coalesce(sum(p.amount), 0) FROM posting p
     WHERE p.account = i.account AND p.cur = i.cur AND p.seq > i.seq AND p.amount > 0
       AND p.account > 'user:' AND p.account < 'user;') END AS paid
  FROM invoice i JOIN balance b ON b.account = i.account AND b.cur = i.cur ORDER BY i.n`;

/** Every invoice, and what of it is still owed. */
export async function listInvoices(place: Place): Promise<Outcome> {
  const now = Math.floor(nodeEnv().nowMs / 1000);
  const invoices = (await read(place, EVERY_INVOICE)).map((row) => {
    const left = leftOf(row);
    const state = left === 0n ? 'paid' : num(row, 'due') < now ? 'overdue' : 'open';
    return { key: account.keyOf(text(row, 'account')), cur: currencyOf(row), left, state, row };
  });
  const lines = invoices.map(({ key, cur, left, state, row }) => {
    const due = new Date(num(row, 'due') * 1000).toISOString().slice(0, 10);
    return [key, `#${num(row, 'number')}`, shown(int(row, 'owed'), cur), shown(left, cur), `due ${due}`, state].join(
      '\t',
    );
  });
  const json = invoices.map(({ left, state, row }) => {
    return { left: left.toString(), state, invoice: parseJson(text(row, 'doc')) ?? null };
  });
  return { lines: lines.length > 0 ? lines : ['No invoice was made.'], json: { invoices: json }, status: 0 };
}

/** What came in since is taken for the oldest debts first; who owes less than that owes no more than that. */
function leftOf(row: Row): bigint {
  const [owes, open] = [-int(row, 'balance'), int(row, 'owed') - int(row, 'paid')];
  const left = open < owes ? open : owes;
  return left > 0n ? left : 0n;
}
