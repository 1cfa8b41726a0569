// The command's options.
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [options]

  --quick        3 pairs instead of 7, less warm-up, shorter windows, a tenth of the spent serials and sessions
  --only NAME    the rows whose name starts so: express/payword, stream, core, memory, start, growth, store, broker, wallet
  --full         also what takes an hour: stores with ten million spent serials
  --json FILE    where the rows go as JSON (default bench/out/latest.json)
  --profile DIR  writes a CPU profile of every server under load there, and says which functions took the time
  --help         this text`;

export type Options = {
  readonly quick: boolean;
  readonly full: boolean;
  readonly only: string | undefined;
  readonly json: string;
  readonly profile: string | undefined;
  readonly help: boolean;
};

/** @throws {TypeError} an option that is not known */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      json: { type: 'string', default: join(import.meta.dirname, '..', 'out', 'latest.json') },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return { ...values, only: values.only, profile: values.profile };
}
