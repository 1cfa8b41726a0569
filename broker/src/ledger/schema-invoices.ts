// What a customer on credit was billed for: invoices, and how much of each deal is on one.

export const invoices = `
ALTER TABLE deal ADD COLUMN invoiced INTEGER NOT NULL DEFAULT 0 CHECK (invoiced >= 0 AND invoiced <= credited);
CREATE INDEX deal_unbilled ON deal (source, cur, vnd, session) WHERE funding = 'credit' AND invoiced < credited;

-- Made by the broker after order number after_n and journal entry seq. doc: as customers get it, signed; sig: over the row.
CREATE TABLE invoice (
  n       INTEGER PRIMARY KEY CHECK (n >= 1),
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  number  INTEGER NOT NULL CHECK (number >= 1),
  after_n INTEGER NOT NULL CHECK (after_n >= 1),
  seq     INTEGER NOT NULL REFERENCES journal (seq),
  owed    INTEGER NOT NULL CHECK (owed >= 0),
  due     INTEGER NOT NULL,
  doc     TEXT NOT NULL,
  sig     TEXT NOT NULL,
  UNIQUE (account, cur, number)
) STRICT;
`;

/** What customers paid in: to see whether an invoice is paid, without reading all that was billed since. */
export const paidIn = `
CREATE INDEX posting_paid_in ON posting (account, cur, seq, amount)
  WHERE amount > 0 AND account > 'user:' AND account < 'user;';
`;
