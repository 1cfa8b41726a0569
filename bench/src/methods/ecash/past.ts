// Coins that were spent at a site, and whose claims the broker has paid: known until the site can claim no more.
import { DAY_MS, spentPast } from '../spent.ts';

export const past = spentPast({ kind: 'coin', code: 'coin-spent', goodMs: 120 * DAY_MS });
