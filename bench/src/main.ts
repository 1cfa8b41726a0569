// `npm run bench`: measures what paying costs, prints a table with targets beside the values, and writes JSON.
import { Context } from './harness/context.ts';
import { describeMachine } from './harness/machine.ts';
import { headline, table, writeReport } from './harness/report.ts';
import { type Row, relate } from './harness/rows.ts';
import { brokerJob } from './jobs/broker.ts';
import { chromiumJob } from './jobs/chromium.ts';
import { coreJob } from './jobs/core.ts';
import { expressJob } from './jobs/express.ts';
import { storesJob } from './jobs/stores.ts';
import { walletJob } from './jobs/wallet.ts';
import { type Options, readOptions, usage } from './options.ts';

const jobs: readonly ((context: Context) => Promise<Row[]>)[] = [
  expressJob,
  coreJob,
  storesJob,
  brokerJob,
  walletJob,
  chromiumJob,
];

async function main({ quick, only, json, profile }: Options): Promise<number> {
  const startMs = performance.now();
  const machine = describeMachine();
  console.log(headline(machine));
  await using context = new Context({ quick, only, profile });
  const rows: Row[] = [];
  for (const job of jobs) rows.push(...(await job(context)));
  rows.push(...relate(rows));
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`\n${table(rows)}\n`);
  writeReport(json, { machine, quick, pairs: context.pairs, seconds, rows });
  console.log(`${rows.length} rows in ${seconds} s, medians of ${context.pairs} pairs; JSON in ${json}`);
  return rows.length > 0 ? 0 : 2;
}

const options = readOptions(process.argv.slice(2));
if (options.help) console.log(usage);
else process.exitCode = await main(options);
