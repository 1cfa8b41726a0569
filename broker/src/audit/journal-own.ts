// Entries that no order asked for: what the broker gives back by itself when the time of an instrument is over.
import { limits } from '@farthing/protocol';
import type { Cells, Findings } from './findings.ts';
import type { Model } from './model.ts';
import { intCell, textCell } from './tables.ts';

/** What the broker may do without an order: return the rest of an expired piece or chain to its buyer. */
export function checkOwnEntry(
  entry: Cells,
  lines: readonly Cells[],
  { model, findings }: { model: Model; findings: Findings },
) {
  const [from, to] = lines;
  const sub = from ? textCell(from, 'sub') : '';
  if (entry['kind'] === 'chain-rest') return checkRest(entry, lines, { model, findings });
  if (entry['kind'] === 'hold-end') return checkHoldEnd(entry, lines, { model, findings });
  if (entry['kind'] === 'cheque-end' || entry['kind'] === 'cheque-rest') {
    return checkAside(entry, lines, { model, findings });
  }
  const root = from && to ? model.scrip.residue(sub, -intCell(from, 'amount')) : undefined;
  const late = limits.clockSkewMs + limits.claimWindowMs;
  const good =
    root &&
    to &&
    lines.length === 2 &&
    entry['kind'] === 'residue' &&
    entry['ref'] === root.vnd &&
    intCell(entry, 'at_ms') > root.expiresMs + BigInt(late) &&
    (to['account'] === 'unclaimed' || (root.buyer !== null && to['account'] === `user:${root.buyer}`));
  if (good) return;
  const row = textCell(entry, 'seq');
  findings.add({ table: 'journal', row, expected: 'the residue of an expired piece, to its buyer', found: 'another' });
}

function checkRest(
  entry: Cells,
  lines: readonly Cells[],
  { model, findings }: { model: Model; findings: Findings },
): void {
  const [from, to] = lines;
  const id = from ? textCell(from, 'sub') : '';
  const chain = from && to ? model.payword.rest(id, -intCell(from, 'amount')) : undefined;
  const late = BigInt(limits.clockSkewMs + limits.paywordWindowMs);
  const good =
    chain &&
    to &&
    lines.length === 2 &&
    entry['ref'] === id &&
    intCell(entry, 'at_ms') > BigInt(chain.exp) * 1000n + late &&
    (to['account'] === 'unclaimed' || to['account'] === chain.account);
  if (good) return;
  const row = textCell(entry, 'seq');
  findings.add({ table: 'journal', row, expected: 'the rest of an expired chain, to its buyer', found: 'another' });
}

function checkHoldEnd(
  entry: Cells,
  lines: readonly Cells[],
  { model, findings }: { model: Model; findings: Findings },
): void {
  const [from, to] = lines;
  const good =
    from &&
    to &&
    lines.length === 2 &&
    from['account'] === 'hold:ecash' &&
    to['account'] === 'float:ecash' &&
    model.ecash.coins.holdEnd(textCell(entry, 'ref'), {
      cur: textCell(from, 'cur'),
      amount: intCell(to, 'amount'),
      atMs: intCell(entry, 'at_ms'),
    });
  if (good) return;
  const row = textCell(entry, 'seq');
  findings.add({ table: 'journal', row, expected: 'the end of a hold that nobody captured', found: 'another' });
}

/** What was aside for a cheque goes back when its time is over, to whose it was. */
function checkAside(
  entry: Cells,
  lines: readonly Cells[],
  { model, findings }: { model: Model; findings: Findings },
): void {
  const [from, to] = lines;
  const ref = textCell(entry, 'ref');
  const about = to && { cur: textCell(to, 'cur'), amount: intCell(to, 'amount'), atMs: intCell(entry, 'at_ms') };
  const isRest = entry['kind'] === 'cheque-rest';
  const sub = from ? textCell(from, 'sub') : '';
  const aside = from?.['account'] === 'hold:cheque' && lines.length === 2 && about;
  const whose = !aside
    ? undefined
    : isRest
      ? model.cheques.accounts.rest(sub, aside)
      : model.cheques.holdEnd(sub, aside);
  const good =
    whose !== undefined && ref === (isRest ? '' : sub) && ['unclaimed', whose].includes(textCell(to ?? {}, 'account'));
  if (good) return;
  const row = textCell(entry, 'seq');
  findings.add({ table: 'journal', row, expected: 'what was aside for a cheque, to whose it was', found: 'another' });
}
