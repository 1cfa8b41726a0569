// Periods that were moved out of the ledger: what the broker signed in their place, and the sums with which the journal opens.

export const archive = `
-- One row for each period that is archived, in order. seq, after_n: its last entry and order; nothing up to them is here any more.
-- until_ms: nothing that was asked before that is answered again. doc: the opening record, signed.
CREATE TABLE opening (
  n        INTEGER PRIMARY KEY CHECK (n >= 1),
  seq      INTEGER NOT NULL CHECK (seq >= 0),
  after_n  INTEGER NOT NULL CHECK (after_n >= 0),
  until_ms INTEGER NOT NULL,
  doc      TEXT NOT NULL
) STRICT;

-- What the archived entries of all periods sum to, and how many lines of an account they have.
CREATE TABLE opening_sum (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  lines   INTEGER NOT NULL CHECK (lines >= 1),
  PRIMARY KEY (account, cur)
) STRICT, WITHOUT ROWID;

-- What the audit knows at the end of the last archived period, compressed, in pages: it goes on from there.
CREATE TABLE opening_state (
  page INTEGER PRIMARY KEY CHECK (page >= 1),
  body BLOB NOT NULL
) STRICT;

-- As before, but the entry that a paper was made after may be in an archive.
CREATE TABLE invoice_2 (
  n       INTEGER PRIMARY KEY CHECK (n >= 1),
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  number  INTEGER NOT NULL CHECK (number >= 1),
  after_n INTEGER NOT NULL CHECK (after_n >= 1),
  seq     INTEGER NOT NULL,
  owed    INTEGER NOT NULL CHECK (owed >= 0),
  due     INTEGER NOT NULL,
  doc     TEXT NOT NULL,
  sig     TEXT NOT NULL,
  UNIQUE (account, cur, number)
) STRICT;
INSERT INTO invoice_2 SELECT n, account, cur, number, after_n, seq, owed, due, doc, sig FROM invoice;
DROP TABLE invoice;
ALTER TABLE invoice_2 RENAME TO invoice;

CREATE TABLE credit_note_2 (
  n       INTEGER PRIMARY KEY CHECK (n >= 1),
  vnd     TEXT NOT NULL REFERENCES vendor (vnd),
  cur     TEXT NOT NULL,
  number  INTEGER NOT NULL CHECK (number >= 1),
  after_n INTEGER NOT NULL CHECK (after_n >= 1),
  seq     INTEGER NOT NULL,
  doc     TEXT NOT NULL,
  sig     TEXT NOT NULL,
  UNIQUE (vnd, cur, number)
) STRICT;
INSERT INTO credit_note_2 SELECT n, vnd, cur, number, after_n, seq, doc, sig FROM credit_note;
DROP TABLE credit_note;
ALTER TABLE credit_note_2 RENAME TO credit_note;
`;
