// Reads the broker's books for the demo: the journal as it stands in the database, and the verdict of the audit.
import { join } from 'node:path';
import { openReadOnly } from '@farthing/node-kit';
import { formatMoney, isCurrency } from '@farthing/protocol';
import { runCommand } from '../harness/processes.ts';

/** One line an entry: number, kind, and who gained or lost how much. Accounts of people are cut short. */
export function ledgerLines(data: string): string[] {
  const db = openReadOnly(join(data, 'ledger.db'));
  try {
    const postings = db.prepare('SELECT account, cur, amount FROM posting WHERE seq = ? ORDER BY n');
    return db
      .prepare('SELECT seq, kind FROM journal ORDER BY seq')
      .all()
      .map(({ seq, kind }) => {
        const moves = postings.all(seq as bigint).map(({ account, cur, amount }) => {
          const currency = String(cur);
          const money = isCurrency(currency)
            ? formatMoney({ amount: amount as bigint, currency })
            : `${amount} ${currency}`;
          return `${String(account).replace(/^(user:.{6}).*/, '$1…')} ${money}`;
        });
        return `${String(seq).padStart(3)} ${String(kind).padEnd(14)} ${moves.join('  ')}`;
      });
  } finally {
    db.close();
  }
}

/** What the broker owes to all sites together, in base units. */
export function creditOfSites(data: string): bigint {
  const db = openReadOnly(join(data, 'ledger.db'));
  try {
    const amounts = db.prepare("SELECT amount FROM posting WHERE account LIKE 'vendor:%'").all();
    return amounts.reduce((sum, { amount }) => sum + BigInt(amount as bigint), 0n);
  } finally {
    db.close();
  }
}

export async function runAudit(data: string): Promise<boolean> {
  const { code, stdout } = await runCommand('broker/src/main.ts', ['audit', '--data', data, '--json']);
  return code === 0 && (JSON.parse(stdout) as { ok?: unknown }).ok === true;
}
