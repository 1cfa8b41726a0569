// Messages about the password of the wallet, for our own pages alone.
import { limits } from '@farthing/protocol';
import * as v from 'valibot';
import { none } from './shapes.ts';

/** As typed; how long it must be the wallet says. */
const password = v.pipe(v.string(), v.maxLength(limits.passwordBytes));

export const passwordMessages = {
  unlock: { from: 'page', shape: v.strictObject({ password }) },
  lock: { from: 'page', shape: none },
  setPassword: { from: 'page', shape: v.strictObject({ password }) },
  changePassword: { from: 'page', shape: v.strictObject({ from: password, to: password }) },
  removePassword: { from: 'page', shape: v.strictObject({ password }) },
} as const;

export type PasswordAnswers = { [Name in keyof typeof passwordMessages]: undefined };
