// A profile plays what an original system promised, and what its enemies would try, against this one's real broker,
// Express sites and wallets. The same scenes are `npm run profiles` and tests.
import type { BrokerOptions } from '@farthing/broker';
import type { Town } from './town.ts';

export type Scene = {
  /** What it shows, as the part of a sentence. */
  readonly says: string;
  /** Ends when all of it was seen. @throws {Error} something else was seen */
  play(town: Town): Promise<void>;
};

export type Profile = {
  readonly name: string;
  /** The original: its name and year. */
  readonly after: string;
  readonly broker?: Partial<BrokerOptions>;
  /** What must work. */
  readonly works: readonly Scene[];
  /** What must fail. */
  readonly fails: readonly Scene[];
};
