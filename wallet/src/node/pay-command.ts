// `farthing pay` and `farthing stream`: like curl, with a wallet. The body goes to stdout, what was paid to stderr.
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { type Currency, limits, PaymentProblem, type ProblemCode, toDecimal } from '@farthing/protocol';
import { type Decision, type Meter, type Offer, payingFetch, type Settled, siteAnswer, type Wallet } from '../index.ts';
import { methods } from '../methods.ts';
import {
  addressOf,
  amountOf,
  type Command,
  currencyOf,
  type Flags,
  money,
  type Output,
  type Run,
  text,
  UsageError,
} from './command.ts';
import { MeterLine, play } from './play.ts';

export const pay: Command = {
  usage: 'farthing pay URL [options]',
  about: 'Fetches a page and pays for it when it asks. Budgets and rules hold as they do in the browser.',
  args: 1,
  options: {
    request: { type: 'string', short: 'X' },
    body: { type: 'string', short: 'd' },
    header: { type: 'string', short: 'H', multiple: true },
    output: { type: 'string', short: 'o' },
    include: { type: 'boolean', short: 'i' },
    max: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
    method: { type: 'string', multiple: true },
  },
  help: [
    ['-X, --request METHOD', 'HTTP method; default GET, or POST with -d'],
    ['-d, --body DATA', 'request body; @FILE reads a file'],
    ['-H, --header LINE', "a header, such as -H 'Accept: application/json'; may be repeated"],
    ['-o, --output FILE', 'write the body to a file'],
    ['-i, --include', 'print status and headers before the body'],
    ["--max '0.01 USD'", 'pay up to this without asking, and never more'],
    ['-y, --yes', 'pay the price that is asked; limits of the day hold'],
    ['--method NAME', 'only with this money: scrip, payword, ecash or cheque; may be repeated'],
  ],
  run: fetchPaid,
};

export const stream: Command = {
  ...pay,
  usage: 'farthing stream URL [options]',
  about: 'Plays a stream and pays for it while it comes, until it ends, a limit is reached, or Ctrl-C. So does pay.',
  help: pay.help.map(([flag, what]) => {
    if (flag === "--max '0.01 USD'")
      return ["--max '0.05 USD'", 'pay up to this in all without asking, and never more'];
    return flag === '-y, --yes' ? [flag, 'pay as far as the limits of the day allow'] : [flag, what];
  }),
};

async function fetchPaid({ wallet, flags, args: [typed], out }: Run): Promise<number> {
  const url = addressOf(typed);
  const currency = await currencyOf(wallet);
  const max = text(flags, 'max');
  const visit = new Visit(out, currency);
  const maxMicro = max !== undefined ? amountOf(max, currency) : flags['yes'] === true ? limits.amountMax : undefined;
  const fetch = payingFetch(globalThis.fetch, wallet, {
    announce: true,
    ...methodsOf(flags),
    onMeter: (event) => visit.show.meter(event),
    ...(maxMicro === undefined ? {} : { maxMicro }),
    onAsk: (offer, reason) => visit.ask(offer, reason),
    onEvent: (event) => {
      if (event.kind === 'decided') visit.decision = event.decision;
      if (event.kind === 'settled') visit.settled = event.settled;
      if (event.kind === 'stream') visit.running = event.meter;
    },
  });
  const response = await fetch(url, requestOf(flags));
  if (response.status === 402) visit.refused(wallet.accountId() !== undefined);
  if (visit.running)
    return play(response, visit.running, { show: visit.show, file: text(flags, 'output'), json: out.json });
  await visit.report(response, flags);
  return response.ok || response.status === 304 ? 0 : 1;
}

function methodsOf(flags: Flags): { methods?: string[] } {
  const typed = Array.isArray(flags['method']) ? flags['method'].map(String) : [];
  const unknown = typed.find((name) => !methods.has(name));
  if (unknown !== undefined) throw new UsageError(`--method takes ${[...methods.keys()].join(', ')}, got '${unknown}'`);
  return typed.length > 0 ? { methods: typed } : {};
}

function requestOf(flags: Flags): RequestInit {
  const data = text(flags, 'body');
  const headers = new Headers();
  if (data !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded');
  for (const line of Array.isArray(flags['header']) ? flags['header'] : []) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(String(line)) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`-H takes 'Name: value', got '${line}'`);
    headers.set(name, value);
  }
  const body = data?.startsWith('@') ? readFileSync(data.slice(1)) : data;
  const method = text(flags, 'request') ?? (data === undefined ? 'GET' : 'POST');
  return { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body }) };
}

/** What happened on the way, for the report. */
class Visit {
  decision: Decision | undefined;
  settled: Settled | undefined;
  running: Meter | undefined;
  readonly show: MeterLine;
  readonly #out: Output;

  constructor(out: Output, currency: Currency) {
    this.#out = out;
    this.show = new MeterLine(out, currency);
  }

  /** A person decides with the exact price before the eyes; without a terminal nobody can. */
  async ask(offer: Offer, reason: ProblemCode): Promise<boolean> {
    if (!process.stdin.isTTY || this.#out.json) return false;
    const { amountMicro, currency, origin, vnd, broker, stream, unit = 'unit', suggested } = offer;
    const why = reason === 'approval-needed' ? '' : ` (${new PaymentProblem(reason).message})`;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const most = money(suggested.perPageMicro, currency);
    const price = `${money(amountMicro, currency)}${stream ? ` / ${unit}, up to ${most} in all` : ''}`;
    const answer = await terminal.question(
      `${origin} asks ${price}, payee ${vnd}, ${broker.name}${broker.test ? ', test money' : ''}${why}. Pay? [y/N] `,
    );
    terminal.close();
    return /^y(es)?$/i.test(answer.trim());
  }

  /** The page still asks for money. @throws {PaymentProblem} why it was not paid, and what to do */
  refused(hasAccount: boolean): void {
    const { decision, settled } = this;
    if (!hasAccount) throw new PaymentProblem('no-account');
    if (settled) {
      const code = settled.record.code ?? 'payment-required';
      throw new PaymentProblem(code, { detail: `the site refused the payment; ${chargedText(settled)}` });
    }
    if (decision?.kind === 'refuse') {
      const { reason, detail, shortByMicro } = decision;
      const short = shortByMicro === undefined ? detail : `${toDecimal(shortByMicro)} is missing: farthing top-up`;
      throw new PaymentProblem(reason, short === undefined ? {} : { detail: short });
    }
    if (!decision || decision.kind === 'again') throw new PaymentProblem('payment-required');
    const { offer } = decision;
    const price = `${toDecimal(offer.amountMicro)} ${offer.currency.slice(0, 3).toUpperCase()}`;
    const reason = decision.kind === 'ask' ? decision.reason : 'over-page-limit';
    throw new PaymentProblem(reason, {
      detail: `${offer.origin} asks ${price}. Run again with --max '${price}' or --yes, or set a rule: farthing budget ${offer.origin} --mode auto`,
    });
  }

  async report(response: Response, flags: Flags): Promise<void> {
    const { settled } = this;
    const body = Buffer.from(await response.arrayBuffer());
    const file = text(flags, 'output');
    if (file !== undefined) writeFileSync(file, body);
    if (settled) this.#out.fact(factOf(settled));
    if (!response.ok) this.#out.fact(`The site answered ${response.status}.`);
    if (this.#out.json) {
      const { status, headers } = response;
      const content = file === undefined ? { body: body.toString('utf8') } : { output: file };
      this.#out.result(
        { status, headers: Object.fromEntries(headers), payment: settled?.record ?? null, ...content },
        [],
      );
      return;
    }
    if (flags['include'] === true) {
      const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\n`);
      process.stdout.write(`HTTP ${response.status} ${response.statusText}\n${lines.join('')}\n`);
    }
    if (file === undefined) process.stdout.write(body);
  }
}

const chargedText = ({ outcome }: Settled): string => {
  if (outcome === 'not_charged') return 'you were not charged';
  return outcome === 'paid' ? 'you were charged' : 'whether you were charged is not known yet: farthing recover';
};

/** Only where there was a choice. */
const chosenText = (chosen: Settled['record']['chosen']): string | undefined => chosen && CHOSEN[chosen];
const CHOSEN: { readonly [Why in NonNullable<Settled['record']['chosen']>]?: string } = {
  cheapest: 'the cheapest it takes',
  private: 'the most private it takes',
  instead: 'it refused another kind',
};

function factOf(settled: Settled): string {
  const { record } = settled;
  const price = money(record.amountMicro, record.currency);
  if (settled.outcome !== 'paid') return `Payment of ${price}: ${chargedText(settled)}.`;
  const left =
    record.balanceAfterMicro === undefined ? '' : `, balance ${money(record.balanceAfterMicro, record.currency)}`;
  const how = [record.why, record.method, chosenText(record.chosen)].filter((one) => one !== undefined).join(', ');
  return `Paid ${price} to ${record.site ?? ''} (${how}), receipt ${record.reference ?? ''}${left}.`;
}

/** Presents every payment without a known outcome again, with the same credential; then asks the site for the coin. */
export async function presentPending(wallet: Wallet): Promise<{ id: string; outcome: Settled['outcome'] }[]> {
  const outcomes: { id: string; outcome: Settled['outcome'] }[] = [];
  for (const payment of await wallet.pending()) {
    let outcome: Settled['outcome'] = 'unknown';
    try {
      // A request with a body cannot be made again from here: only the coin tells.
      if (payment.method === 'GET' || payment.method === 'HEAD') {
        const { header, method, url } = payment;
        const response = await fetch(url, { method, headers: { [header.name]: header.value }, redirect: 'manual' });
        ({ outcome } = await wallet.settle(payment.id, await siteAnswer(response)));
        await response.body?.cancel();
      }
      if (outcome === 'unknown') ({ outcome } = await wallet.resolve(payment.id));
    } catch (error) {
      if (!(error instanceof PaymentProblem) && !(error instanceof TypeError)) throw error;
    }
    outcomes.push({ id: payment.id, outcome });
  }
  return outcomes;
}
