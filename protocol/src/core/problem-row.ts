// One row of the table of problems.

/** Who can mend it. */
export type Fixer = 'wallet' | 'customer' | 'site' | 'broker' | 'operator';
export type Row = readonly [type: string, status: number, fixer: Fixer, title: string, help: string];
