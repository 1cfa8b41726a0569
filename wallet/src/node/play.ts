// A stream in a terminal: its body to stdout or a file, its meter to stderr, and Ctrl-C ends both.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { type Currency, problemInfo } from '@farthing/protocol';
import type { Meter, MeterEvent } from '../index.ts';
import { money, type Output } from './command.ts';

/** One line that is written over at a terminal; elsewhere a line when the state changes. With `--json` every reading. */
export class MeterLine {
  readonly #out: Output;
  readonly #currency: Currency;
  readonly #startedMs = performance.now();
  #state = '';

  constructor(out: Output, currency: Currency) {
    this.#out = out;
    this.#currency = currency;
  }

  meter(event: MeterEvent): void {
    const perSecond = this.#rateOf(event);
    const isNew = event.state + (event.code ?? '') !== this.#state;
    this.#state = event.state + (event.code ?? '');
    if (this.#out.json) {
      this.#out.result({ event: 'meter', ...event, unitsPerSecond: perSecond }, []);
      return;
    }
    const paid = `${money(event.spentMicro, this.#currency)} for ${event.units} ${event.unit}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${paid} (${perSecond}/s) `);
    if (!isNew || event.code === undefined) return;
    const { title, help } = problemInfo(event.code);
    this.#fact(`${event.state === 'limit' ? 'Paused' : 'Stopped'}: ${title} (${event.code}). ${help}`);
  }

  ended(event: MeterEvent, bytes: number): void {
    if (this.#out.json) this.#out.result({ event: 'end', ...event, bytes }, []);
    else this.#fact(`Paid ${money(event.spentMicro, this.#currency)} for ${event.units} ${event.unit}.`);
  }

  #fact(line: string): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    this.#out.fact(line);
  }

  #rateOf({ units }: MeterEvent): number {
    return Math.round((units / Math.max(performance.now() - this.#startedMs, 1)) * 10_000) / 10;
  }
}

type Playing = { readonly show: MeterLine; readonly file: string | undefined; readonly json: boolean };

/** Plays to the end, or until Ctrl-C. With `--json` stdout is for the readings. @returns the exit status */
export async function play(response: Response, meter: Meter, { show, file, json }: Playing): Promise<number> {
  const reader = response.body?.getReader();
  const target = file === undefined ? (json ? undefined : process.stdout) : createWriteStream(file);
  const stop = () => void reader?.cancel();
  // A second Ctrl-C ends the process: the wallet has stored what was paid.
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  let bytes = 0;
  let isBroken = false;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || !value) break;
      bytes += value.byteLength;
      if (target && !target.write(value)) await once(target, 'drain');
    }
  } catch {
    isBroken = true;
  }
  if (target && target !== process.stdout) await new Promise<void>((done) => target.end(done));
  const last = await meter.done;
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
  show.ended(last, bytes);
  return isBroken || last.state === 'lost' ? 1 : 0;
}
