#!/usr/bin/env node
import { lineLogger } from '@farthing/node-kit';
// The command `broker`: runs the service, or does one operator's job on the same data directory while it runs.
import { HELP } from './help.ts';
import { sendByProgram } from './hosted/send-by.ts';
import { audit, issueInvites, issueVouchers, listVendors, type Outcome, renewAudit, statement } from './operate.ts';
import { archiveBooks, listArchives, restoreArchive } from './operate-archive.ts';
import { exportLines, settlement } from './operate-bulk.ts';
import { clearWithPeers } from './operate-clearing.ts';
import { listKeysets, revokeKeyset, rotateKeysets } from './operate-ecash.ts';
import { migrateTables, moveBooks } from './operate-move.ts';
import { checkEvidence, listOverclaims } from './operate-overclaims.ts';
import { closeInvoices, grantCredit, listInvoices } from './operate-payword.ts';
import { addPeer, listPeers, removePeer } from './operate-peers.ts';
import { addressOf, UsageError } from './option-values.ts';
import { type Options, readOptions } from './options.ts';
import { startBroker } from './start.ts';
import { exportTo } from './telemetry/otlp.ts';

/** Of figures and of traces, as OpenTelemetry names it. */
const EXPORT_MS = Number(process.env['OTEL_METRIC_EXPORT_INTERVAL'] ?? 10_000);

async function serve({ json, test, ...options }: Options): Promise<number> {
  const log = lineLogger((line) => console.error(line), { format: options.log, level: options.logLevel });
  const { name, publicUrl, ecash, hosted, codeCommand } = options;
  // Before the start: a signal that comes while the database opens must not cut it off.
  const told = new Promise<void>((resolve) => {
    let isTold = false;
    const tell = () => {
      // Who asks twice does not want to wait: what is on disk is whole at any moment.
      if (isTold) process.exit(1);
      isTold = true;
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, tell);
  });
  const endExport = options.otlp === undefined ? undefined : await exportTo(options.otlp, { everyMs: EXPORT_MS });
  const broker = await startBroker({
    ...options.place,
    port: options.port,
    host: options.host,
    registration: options.registration,
    faucetMicro: options.faucetMicro,
    creditMicro: options.creditMicro,
    paywordFeeBps: options.paywordFeeBps,
    pollMicro: options.pollMicro,
    levelMicro: options.levelMicro,
    singleMicro: options.singleMicro,
    invoicePeriod: options.invoicePeriod,
    invoiceDueDays: options.invoiceDueDays,
    test,
    log,
    ...(name === undefined ? {} : { name }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(ecash ? { ecash: {} } : {}),
    ...(hosted ? { hosted } : {}),
    ...(codeCommand === undefined ? {} : { sendCode: sendByProgram(codeCommand) }),
  });
  const { url, brk } = broker;
  console.log(json ? JSON.stringify({ url, brk }) : `Farthing broker ready at ${url}${test ? ' (test mode)' : ''}`);
  log.info({ url, test }, 'started');
  await told;
  log.info({}, 'ending: what runs is answered first');
  await broker.close();
  await endExport?.();
  log.info({}, 'ended');
  return 0;
}

async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args, process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.command === 'serve') return serve(options);
  if (options.command === 'export') return exportAll(options);
  const { lines, json, status } = await operate(options);
  console.log(options.json ? JSON.stringify(json) : lines.join('\n'));
  return status;
}

async function exportAll({ place, sinceMs, untilMs, account, site, format, archive }: Options): Promise<number> {
  if (account !== undefined && site !== undefined) throw new UsageError('export: give --account or --site, not both');
  const name = site === undefined ? account && `user:${account}` : `vendor:${site}`;
  const about = { period: { sinceMs, untilMs }, account: name, format, archive };
  const count = await exportLines(place, about, process.stdout);
  console.error(`${count} lines`);
  return 0;
}

async function operate(options: Options): Promise<Outcome> {
  const {
    command,
    words,
    place,
    account,
    value,
    count,
    close,
    invoiceDueDays,
    revoke,
    rotate,
    moves,
    dryRun,
    limit,
    fingerprint,
    sinceMs,
    untilMs,
    test,
    archive,
    renew,
  } = options;
  switch (command) {
    case 'audit':
      if (!renew) return audit(place, archive);
      if (archive === undefined) throw new UsageError('audit --renew needs --archive FOLDER');
      return renewAudit(place, archive);
    case 'archive':
      return archiveJob(options);
    case 'check-evidence': {
      const [file] = words;
      if (file === undefined) throw new UsageError('check-evidence needs a file, as overclaims --json prints it');
      return checkEvidence(file);
    }
    case 'credit':
      if (!value || account === undefined) throw new UsageError('credit needs --account KEY and --value MONEY');
      return grantCredit(place, account, value);
    case 'invoices':
      if (close) await closeInvoices(place, invoiceDueDays);
      return listInvoices(place);
    case 'migrate':
      return moves ? moveBooks(place, (line) => console.error(line)) : migrateTables(place, dryRun);
    case 'keysets':
      if (revoke !== undefined) await revokeKeyset(place, revoke);
      if (rotate) await rotateKeysets(place);
      return listKeysets(place);
    case 'clear':
      return clearWithPeers(place, { brk: words[0] });
    case 'peers': {
      const [job = 'list', about] = words;
      if (job === 'list') return listPeers(place);
      if (about === undefined || (job !== 'add' && job !== 'remove')) {
        throw new UsageError('peers: expected list, add URL --limit MONEY, or remove ID');
      }
      if (job === 'add') {
        if (!limit) throw new UsageError('peers add needs --limit MONEY: how much the other broker may owe');
        return addPeer(place, { url: addressOf('peers add', about), limit, fingerprint, test });
      }
      await removePeer(place, about);
      return listPeers(place);
    }
    case 'settlement':
      return settlement(place, { period: { sinceMs, untilMs }, archive }, (line) => console.error(line));
    case 'overclaims':
      return listOverclaims(place, archive);
    case 'invite':
      return issueInvites(place, count);
    case 'vendors':
      return listVendors(place);
    case 'voucher':
      if (!value) throw new UsageError("--value is missing: give what a code is worth, such as --value '5 USD'");
      return issueVouchers(place, value, count);
    default:
      return statement(place);
  }
}

function archiveJob({ place, list, restore, beforeMs, to, dryRun, shrink }: Options): Promise<Outcome> {
  if (list) return listArchives(place);
  const told = (line: string) => console.error(line);
  if (restore !== undefined) return restoreArchive(place, restore, told);
  if (beforeMs === undefined) {
    throw new UsageError('archive needs --before DAY, such as --before 2026-01-01; or --list, or --restore FILE');
  }
  return archiveBooks(place, { beforeMs, folder: to, dry: dryRun, shrink, told });
}

/** What an operator can do about what the system says. */
const MEND: { readonly [code: string]: string | undefined } = {
  EADDRINUSE: '--port chooses another; 0 takes a free one.',
  EADDRNOTAVAIL: '--host takes an address of this machine.',
  EACCES: 'It may not write there, or not listen on that port: --data and --port choose others.',
  EEXIST: '--data takes a directory.',
  ENOTDIR: '--data takes a directory.',
  AWAY: 'PostgreSQL is away, or was. Run the same command again when it is there: a step stands whole or not at all.',
};

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const mend = error instanceof Error && 'code' in error ? MEND[String(error.code)] : undefined;
  const told = mend === undefined ? message : `${message}\n${mend}`;
  console.error(error instanceof UsageError ? `${message}\nbroker --help lists the options.` : `broker: ${told}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
