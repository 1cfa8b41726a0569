// `npm run bench`: measures what paying costs, prints a table with targets beside the values, and writes JSON.
import { Context } from './harness/context.ts';
import { describeMachine } from './harness/machine.ts';
import { headline, table, writeReport } from './harness/report.ts';
import { notRun, type Row, relate } from './harness/rows.ts';
import { brokerJob } from './jobs/broker.ts';
import { chromiumJob } from './jobs/chromium.ts';
import { coreJob } from './jobs/core.ts';
import { expressJob } from './jobs/express.ts';
import { storesJob } from './jobs/stores.ts';
import { walletJob } from './jobs/wallet.ts';
import { type Options, readOptions, usage } from './options.ts';

const jobs: Readonly<Record<string, (context: Context) => Promise<Row[]>>> = {
  express: expressJob,
  core: coreJob,
  stores: storesJob,
  broker: brokerJob,
  'wallet/node': walletJob,
  'wallet/chromium': chromiumJob,
};

async function main({ quick, only, json, profile }: Options): Promise<number> {
  const startMs = performance.now();
  const machine = describeMachine();
  console.log(headline(machine));
  await using context = new Context({ quick, only, profile });
  const rows: Row[] = [];
  let failed = 0;
  for (const [name, job] of Object.entries(jobs)) {
    try {
      rows.push(...(await job(context)));
    } catch (error) {
      failed++;
      console.error(error);
      rows.push(notRun(name, '', error instanceof Error ? error.message : 'unknown fault'));
    }
  }
  rows.push(...relate(rows));
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`\n${table(rows)}\n`);
  writeReport(json, { machine, quick, pairs: context.pairs, seconds, rows });
  console.log(`${rows.length} rows in ${seconds} s, medians of ${context.pairs} pairs; JSON in ${json}`);
  return failed > 0 ? 1 : rows.length > 0 ? 0 : 2;
}

const options = readOptions(process.argv.slice(2));
if (options.help) console.log(usage);
else process.exitCode = await main(options);
