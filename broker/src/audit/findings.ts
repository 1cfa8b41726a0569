// What an audit found: which table and row, what the evidence says, and what stands there.

export type Finding = {
  readonly table: string;
  readonly row: string;
  readonly column?: string;
  readonly expected: string;
  readonly found: string;
};

/** A broken file breaks everywhere: the first ones tell where to look. */
const MOST = 500;

export class Findings {
  readonly list: Finding[] = [];

  add(finding: Finding): void {
    if (this.list.length < MOST) this.list.push(finding);
  }
}

export type Cell = string | bigint | null;
export type Cells = Readonly<Record<string, Cell>>;

/** Every row that the evidence asks for must be there as it says, and no other. */
export function compare(
  findings: Findings,
  table: string,
  rows: { expected: ReadonlyMap<string, Cells>; actual: ReadonlyMap<string, Cells> },
): void {
  for (const [row, expected] of rows.expected) {
    const actual = rows.actual.get(row);
    if (!actual) {
      findings.add({ table, row, expected: 'a row', found: 'none' });
      continue;
    }
    for (const [column, value] of Object.entries(expected)) {
      const there = actual[column] ?? null;
      if (there !== value) findings.add({ table, row, column, expected: String(value), found: String(there) });
    }
  }
  for (const row of rows.actual.keys()) {
    if (!rows.expected.has(row)) findings.add({ table, row, expected: 'no row', found: 'one without evidence' });
  }
}
