// Cheques that were served at a site, and that the broker has paid: known until their certificates have ended.
import { DAY_MS, spentPast } from '../spent.ts';

export const past = spentPast({ kind: 'cheque', code: 'cheque-conflict', goodMs: DAY_MS });
