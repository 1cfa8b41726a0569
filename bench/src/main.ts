// `npm run bench`: measures what paying costs, prints a table with targets beside the values, and writes JSON.
import { Context } from './harness/context.ts';
import { describeMachine } from './harness/machine.ts';
import { hotspots } from './harness/profile.ts';
import { headline, missed, table, writeReport } from './harness/report.ts';
import { type Row, relate } from './harness/rows.ts';
import { brokerJob } from './jobs/broker.ts';
import { chromiumJob } from './jobs/chromium.ts';
import { coreJob } from './jobs/core.ts';
import { expressJob } from './jobs/express.ts';
import { journalJob } from './jobs/journal.ts';
import { ledgerJob } from './jobs/ledger.ts';
import { ledgerGrowthJob } from './jobs/ledger-growth.ts';
import { pastJob } from './jobs/past.ts';
import { redeemJob } from './jobs/redeem.ts';
import { restoreJob } from './jobs/restore.ts';
import { sealedJob } from './jobs/sealed.ts';
import { storesJob } from './jobs/stores.ts';
import { streamJob } from './jobs/stream.ts';
import { walletJob } from './jobs/wallet.ts';
import { METHODS, methodOf } from './methods/index.ts';
import { type Options, readOptions, usage } from './options.ts';

const jobs: Readonly<Record<string, (context: Context) => Promise<Row[]>>> = {
  express: expressJob,
  stream: streamJob,
  sealed: sealedJob,
  core: coreJob,
  memory: pastJob,
  store: storesJob,
  ledger: ledgerJob,
  'growth/ledger': ledgerGrowthJob,
  broker: brokerJob,
  'bulk/redeem': redeemJob,
  'bulk/journal': journalJob,
  'wallet/node': walletJob,
  'wallet/restore': restoreJob,
  'wallet/chromium': chromiumJob,
};

async function main({ quick, full, only, json, profile }: Options): Promise<number> {
  const startMs = performance.now();
  const machine = describeMachine();
  console.log(headline(machine));
  await using context = new Context({ quick, full, only: only && wholeName(only), profile });
  const rows: Row[] = [];
  for (const [name, job] of Object.entries(jobs)) rows.push(...(await context.attempt(name, '', () => job(context))));
  rows.push(...relate(rows, { hashing: METHODS.filter((method) => !methodOf(method).proves) }));
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`\n${table(rows)}\n`);
  if (profile !== undefined) console.log(`${hotspots(profile)}\n`);
  writeReport(json, { machine, quick, pairs: context.pairs, seconds, rows });
  console.log(`${rows.length} rows in ${seconds} s, medians of ${context.pairs} pairs; JSON in ${json}`);
  console.log(missed(rows));
  return context.failed > 0 ? 1 : rows.length > 0 ? 0 : 2;
}

/** `journal` for `bulk/journal`: the last part of a job's name does where no name begins so. */
function wholeName(only: string): string {
  const [first = only] = only.split('/', 1);
  const names = Object.keys(jobs);
  const job = names.some((name) => name.startsWith(first))
    ? undefined
    : names.find((name) => name.endsWith(`/${first}`));
  return job === undefined ? only : job + only.slice(first.length);
}

// Whoever breaks it off keeps no gigabytes of it: servers and folders end with this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const options = readOptions(process.argv.slice(2));
if (options.help) console.log(usage);
else process.exitCode = await main(options);
