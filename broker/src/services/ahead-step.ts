// What an order may do before its transaction begins: ask peers, read a body.
import type { Order } from '@farthing/protocol';
import type { PeerDesk } from './peer-desk.ts';
import type { Body, Step } from './step.ts';

/** Outside of a transaction; `order` is as it came. */
export type AheadStep = Omit<Step, 'ledger'> & {
  /** What is committed. */
  readonly read: <T>(look: (step: Step) => T) => Promise<T>;
  readonly order: Order;
  readonly signed: string;
  readonly peers: PeerDesk;
  readonly body?: Body;
};
