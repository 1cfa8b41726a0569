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

type Expected = {
  readonly get: (name: string, actual: Cells) => Cells | undefined;
  readonly keys: () => Iterable<string>;
};

/** Every row that the evidence asks for must be there as it says, and no other. */
export function compare(
  findings: Findings,
  table: string,
  rows: { expected: ReadonlyMap<string, Cells>; actual: ReadonlyMap<string, Cells> },
): void {
  for (const [row, expected] of rows.expected) {
    const actual = rows.actual.get(row);
    if (actual) compareCells(findings, { table, row }, { expected, actual });
    else findings.add({ table, row, expected: 'a row', found: 'none' });
  }
  for (const row of rows.actual.keys()) if (!rows.expected.has(row)) findings.add(unasked(table, row));
}

/** The same for tables that need not fit into memory. `actual` reads it from its beginning, each name once. */
export function compareEach(
  findings: Findings,
  table: string,
  rows: { expected: Expected; nameOf: (row: Cells) => string; actual: () => Iterable<Cells> },
): void {
  let there = 0;
  for (const actual of rows.actual()) {
    const row = rows.nameOf(actual);
    const expected = rows.expected.get(row, actual);
    if (expected) compareCells(findings, { table, row }, { expected, actual });
    else findings.add(unasked(table, row));
    if (expected) there++;
  }
  let missing = -there;
  for (const _ of rows.expected.keys()) missing++;
  if (missing === 0) return;
  // Only a ledger that is not as it should be takes the memory to say which.
  const found = new Set(Array.from(rows.actual(), rows.nameOf));
  for (const row of rows.expected.keys()) {
    if (!found.has(row)) findings.add({ table, row, expected: 'a row', found: 'none' });
  }
}

const unasked = (table: string, row: string): Finding => ({
  table,
  row,
  expected: 'no row',
  found: 'one without evidence',
});

function compareCells(
  findings: Findings,
  at: Pick<Finding, 'table' | 'row'>,
  { expected, actual }: { expected: Cells; actual: Cells },
): void {
  for (const [column, value] of Object.entries(expected)) {
    const there = actual[column] ?? null;
    if (there !== value) findings.add({ ...at, column, expected: String(value), found: String(there) });
  }
}
