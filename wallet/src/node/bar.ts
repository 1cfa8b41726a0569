// How far fetching and opening have come, for who watches.
import type { Output } from './command.ts';

const STEPS = { fetch: 'Fetching', open: 'Opening' } as const;

/** One line on a terminal, nothing elsewhere. */
export class Bar {
  readonly isShown: boolean;
  #last = '';

  constructor(out: Output) {
    this.isShown = process.stderr.isTTY && !out.json;
  }

  show(step: keyof typeof STEPS, bytes: number, of: number): void {
    const share = of === 0 ? 1 : bytes / of;
    const line = `${STEPS[step]} ${'█'.repeat(Math.round(share * 20)).padEnd(20, '░')} ${Math.floor(share * 100)} %`;
    if (!this.isShown || line === this.#last) return;
    this.#last = line;
    process.stderr.write(`\r${line}`);
  }

  end(): void {
    if (this.#last !== '') process.stderr.write('\r\u001b[K');
    this.#last = '';
  }
}
