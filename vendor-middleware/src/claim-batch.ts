// Claims of one order: as many as it carries, written out as they will be signed.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalJson, type Json, limits } from '@farthing/protocol';
import type { Channel } from './channels.ts';
import type { ClaimDue } from './store/port.ts';

/** Room for the envelope of a batch, and for one claim more. */
const ENVELOPE_BYTES = 1024;
/** Claims that are written out in one turn of the event loop: a thousand at once would hold up pages for ten milliseconds. */
const IN_A_TURN = 32;

/** `text`: the claims as canonical JSON. `totals`: what they are in the store, in their order. */
export type ClaimBatch = {
  readonly claims: readonly Json[];
  readonly text: string;
  readonly totals: readonly ClaimDue[];
  readonly cur: string;
};

/** What is due in the currency of the first; `undefined` when that is nothing. */
export async function batchOf(channel: Channel, due: readonly ClaimDue[]): Promise<ClaimBatch | undefined> {
  const [first] = due;
  const cur = first && channel.currencyOf(first);
  const most = (channel.bytes ?? limits.bodyBytes) - ENVELOPE_BYTES;
  const [claims, totals, texts]: [Json[], ClaimDue[], string[]] = [[], [], []];
  let bytes = 0;
  for (const one of due) {
    if (channel.currencyOf(one) !== cur) continue;
    const claim = channel.claim(one);
    const text = canonicalJson(claim);
    bytes += text.length + 1;
    if (bytes > most) break;
    claims.push(claim);
    totals.push(one);
    texts.push(text);
    if (claims.length % IN_A_TURN === 0) await nextTurn();
  }
  return claims.length === 0 ? undefined : { claims, text: `[${texts.join(',')}]`, totals, cur: cur ?? '' };
}
