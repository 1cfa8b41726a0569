// What every part of the hosted wallets works with.
import type { GroupCommit, Logger } from '@farthing/node-kit';
import type { Env } from '@farthing/protocol';
import type { Settings } from '../services/settings.ts';
import type { Book } from './book.ts';
import type { HostedKeys } from './keys.ts';
import type { Ask } from './purse.ts';

/** `to` as it was typed; `text` says who asks for what, in the person's language. */
type CodeMessage = { readonly to: string; readonly code: string; readonly text: string };
export type SendCode = (message: CodeMessage) => Promise<void>;

export type Kit = {
  readonly book: Book;
  /** Writes to the book, durable when they resolve. */
  readonly group: GroupCommit;
  readonly keys: HostedKeys;
  readonly settings: Settings;
  readonly ask: Ask;
  readonly env: () => Env;
  readonly log: Logger;
  /** Absent: no terminal with a password. */
  readonly sendCode: SendCode | undefined;
};
