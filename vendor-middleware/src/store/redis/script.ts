// The one script of the Redis store: a batch of operations, decided one after the other and written at once, by the server itself.
import { createHash } from 'node:crypto';
import { PAYMENTS } from './script-payments.ts';
import { REST } from './script-rest.ts';
import { ROWS } from './script-rows.ts';

export const SCRIPT = `${ROWS}${PAYMENTS}${REST}`;
/** As the server names it. */
export const SCRIPT_SHA = createHash('sha1').update(SCRIPT).digest('hex');
