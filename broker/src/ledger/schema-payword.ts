// The tables of PayWord. Money still moves in `journal` and `posting` alone: these rows say who may claim how much of it.

export const payword = `
-- An account on credit goes below zero, down to its line: what it owes is what the sites were paid.
CREATE TABLE balance_2 (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  PRIMARY KEY (account, cur),
  CHECK (amount >= 0 OR account LIKE 'external:%' OR account LIKE 'user:%')
) STRICT, WITHOUT ROWID;
INSERT INTO balance_2 SELECT account, cur, amount FROM balance;
DROP TABLE balance;
ALTER TABLE balance_2 RENAME TO balance;

-- Fee and polling rate for all orders after number after_n; signed, because no order asked for them.
CREATE TABLE payword_terms (
  n       INTEGER PRIMARY KEY CHECK (n >= 1),
  after_n INTEGER NOT NULL CHECK (after_n >= 0),
  fee_bps INTEGER NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
  poll    INTEGER NOT NULL CHECK (poll > 0),
  sig     TEXT NOT NULL
) STRICT;

-- What the operator lends an account. most: the highest line it ever had, which is as far as it can be below zero.
CREATE TABLE credit_line (
  account  TEXT NOT NULL,
  cur      TEXT NOT NULL,
  line     INTEGER NOT NULL CHECK (line >= 0),
  most     INTEGER NOT NULL CHECK (most >= line),
  per_site INTEGER NOT NULL CHECK (per_site >= 0),
  made_ms  INTEGER NOT NULL,
  sig      TEXT NOT NULL,
  PRIMARY KEY (account, cur)
) STRICT, WITHOUT ROWID;

-- K_VB, for tickets under a MAC. sig: the broker's, over the hash of the key.
CREATE TABLE payword_key (
  vnd TEXT PRIMARY KEY REFERENCES vendor (vnd),
  key BLOB NOT NULL CHECK (length(key) = 32),
  rid TEXT NOT NULL,
  sig TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who stands behind a pseudonym on a day.
CREATE TABLE daycert (
  sub     TEXT NOT NULL,
  exp     INTEGER NOT NULL,
  account TEXT NOT NULL,
  doc     TEXT NOT NULL,
  PRIMARY KEY (sub, exp)
) STRICT, WITHOUT ROWID;

-- What polling makes the broker believe that an account spent on a day since 1970.
CREATE TABLE poll (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  day     INTEGER NOT NULL,
  guess   INTEGER NOT NULL CHECK (guess >= 0),
  PRIMARY KEY (account, cur)
) STRICT, WITHOUT ROWID;

-- A prepaid chain. L3: n × unit = credited + refunded + what its float holds.
CREATE TABLE chain (
  id       TEXT PRIMARY KEY,
  account  TEXT NOT NULL,
  cur      TEXT NOT NULL,
  unit     INTEGER NOT NULL CHECK (unit > 0),
  n        INTEGER NOT NULL CHECK (n >= 1),
  anchor   TEXT NOT NULL,
  next     INTEGER NOT NULL CHECK (next BETWEEN 1 AND n + 1),
  tickets  INTEGER NOT NULL CHECK (tickets >= 0),
  credited INTEGER NOT NULL CHECK (credited >= 0),
  refunded INTEGER NOT NULL CHECK (refunded >= 0),
  exp      INTEGER NOT NULL,
  closed   INTEGER NOT NULL CHECK (closed IN (0, 1)),
  CHECK (credited + refunded <= n * unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX chain_outstanding ON chain (exp) WHERE credited + refunded < n * unit;

-- A commitment, a segment of one, or a ticket. source: the chain of a ticket, else the account that is billed.
CREATE TABLE deal (
  session   TEXT PRIMARY KEY,
  funding   TEXT NOT NULL CHECK (funding IN ('credit', 'prepaid')),
  source    TEXT NOT NULL,
  vnd       TEXT NOT NULL REFERENCES vendor (vnd),
  cur       TEXT NOT NULL,
  fee_bps   INTEGER NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
  exp       INTEGER NOT NULL,
  cap       INTEGER NOT NULL,
  claimable INTEGER NOT NULL,
  credited  INTEGER NOT NULL CHECK (credited >= 0),
  closed    INTEGER NOT NULL CHECK (closed IN (0, 1)),
  bounds    TEXT NOT NULL,
  -- the deed that a third party can judge
  doc       TEXT NOT NULL,
  CHECK (credited <= claimable AND claimable <= cap)
) STRICT, WITHOUT ROWID;
CREATE INDEX deal_source ON deal (source) WHERE funding = 'prepaid';

-- The chains of a deal, as far as claims have shown them: word is the one at hi. Indices first … last belong to the deal.
CREATE TABLE deal_chain (
  session TEXT NOT NULL REFERENCES deal (session),
  a       INTEGER NOT NULL CHECK (a >= 0),
  kind    TEXT NOT NULL CHECK (kind IN ('payword', 'x')),
  id      TEXT NOT NULL,
  unit    INTEGER NOT NULL CHECK (unit > 0),
  first   INTEGER NOT NULL CHECK (first >= 1),
  last    INTEGER NOT NULL CHECK (last >= first AND last <= n),
  n       INTEGER NOT NULL,
  hi      INTEGER NOT NULL CHECK (hi = 0 OR hi BETWEEN first AND last),
  word    TEXT NOT NULL,
  -- anchor of the second lock, until a claim has opened it
  y_end   TEXT,
  PRIMARY KEY (session, a)
) STRICT, WITHOUT ROWID;

-- What is used of the sums over several deals: the day of a pseudonym, the cap of a commitment, the day of an account.
CREATE TABLE bound_used (
  key  TEXT PRIMARY KEY,
  used INTEGER NOT NULL CHECK (used > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE payword_batch (
  hash     TEXT PRIMARY KEY,
  vnd      TEXT NOT NULL,
  n        INTEGER NOT NULL CHECK (n >= 1),
  prev     TEXT NOT NULL,
  from_key TEXT NOT NULL,
  rid      TEXT NOT NULL,
  credited INTEGER NOT NULL CHECK (credited >= 0),
  fee      INTEGER NOT NULL CHECK (fee >= 0),
  UNIQUE (vnd, n)
) STRICT, WITHOUT ROWID;

-- Overclaims: with the batch, as its site signed it, and the deed, what anyone can check.
CREATE TABLE payword_alarm (
  batch   TEXT NOT NULL REFERENCES payword_batch (hash),
  n       INTEGER NOT NULL,
  vnd     TEXT NOT NULL,
  session TEXT NOT NULL,
  cum     INTEGER NOT NULL,
  why     TEXT NOT NULL,
  -- empty when the claim came without one and none is known
  deed    TEXT NOT NULL,
  PRIMARY KEY (batch, n)
) STRICT, WITHOUT ROWID;
`;
