// The tables of cheques. Money still moves in `journal` and `posting` alone: these rows say what became of each payment, and how
// much is kept aside for what sites serve unasked.

export const cheque = `
-- A certificate, and the money aside for it. L5: kept = paid + returned + what hold:cheque has under '<sub> <exp>'.
CREATE TABLE cheque_cert (
  sub      TEXT NOT NULL,
  exp      INTEGER NOT NULL,
  account  TEXT NOT NULL,
  cur      TEXT NOT NULL,
  -- as it was issued, signed
  doc      TEXT NOT NULL,
  kept     INTEGER NOT NULL CHECK (kept >= 0),
  paid     INTEGER NOT NULL CHECK (paid >= 0),
  returned INTEGER NOT NULL CHECK (returned >= 0),
  -- payments that the broker was asked for, on top of what is kept
  captured INTEGER NOT NULL CHECK (captured >= 0),
  PRIMARY KEY (sub, exp),
  CHECK (paid + returned <= kept)
) STRICT, WITHOUT ROWID;
CREATE INDEX cheque_cert_rest ON cheque_cert (exp) WHERE paid + returned < kept;
CREATE INDEX cheque_cert_account ON cheque_cert (account, exp);

-- One payment, one outcome. A row changes from held to an end, once.
CREATE TABLE cheque (
  vnd      TEXT NOT NULL REFERENCES vendor (vnd),
  epoid    TEXT NOT NULL,
  -- of the cheque that its customer signed
  hash     TEXT NOT NULL,
  account  TEXT NOT NULL,
  cur      TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK (amount > 0),
  -- of the amount, the broker's
  fee      INTEGER NOT NULL CHECK (fee >= 0 AND fee <= amount),
  refunded INTEGER NOT NULL CHECK (refunded >= 0 AND refunded <= amount),
  state    TEXT NOT NULL CHECK (state IN ('held', 'paid', 'refused')),
  until    INTEGER NOT NULL,
  -- of sealed goods, while the payment is held; then it stands in the receipt
  key      TEXT,
  receipt  TEXT NOT NULL,
  verdict  TEXT,
  PRIMARY KEY (vnd, epoid),
  CHECK (state = 'paid' OR (refunded = 0 AND verdict IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX cheque_held ON cheque (until) WHERE state = 'held';

-- What an account let go on a day since 1970, by how well the key was kept that did it.
CREATE TABLE cheque_day (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  level   INTEGER NOT NULL CHECK (level BETWEEN 0 AND 2),
  day     INTEGER NOT NULL,
  used    INTEGER NOT NULL CHECK (used > 0),
  PRIMARY KEY (account, cur, level, day)
) STRICT, WITHOUT ROWID;

-- Whose yes a payment of more than so much needs.
CREATE TABLE approver (
  account  TEXT NOT NULL,
  cur      TEXT NOT NULL,
  approver TEXT NOT NULL,
  above    INTEGER NOT NULL CHECK (above >= 0),
  PRIMARY KEY (account, cur)
) STRICT, WITHOUT ROWID;

CREATE TABLE cheque_batch (
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

-- Cheques that were claimed and not paid, and why; the batch, as its site signed it, is the evidence.
CREATE TABLE cheque_alarm (
  batch TEXT NOT NULL REFERENCES cheque_batch (hash),
  n     INTEGER NOT NULL,
  vnd   TEXT NOT NULL,
  epoid TEXT NOT NULL,
  why   TEXT NOT NULL,
  PRIMARY KEY (batch, n)
) STRICT, WITHOUT ROWID;
`;

/** What approvers agreed to; the site of the payment does not see who. */
export const approvals = `
CREATE TABLE approval (
  cheque   TEXT NOT NULL,
  approver TEXT NOT NULL,
  amount   INTEGER NOT NULL CHECK (amount > 0),
  exp      INTEGER NOT NULL,
  PRIMARY KEY (cheque, approver)
) STRICT, WITHOUT ROWID;
`;

/** Invoices of customers and credit notes of sites: number of the one that a payment stands on. */
export const chequeBills = `
ALTER TABLE cheque ADD COLUMN invoice INTEGER CHECK (invoice IS NULL OR state = 'paid');
ALTER TABLE cheque ADD COLUMN note INTEGER CHECK (note IS NULL OR state = 'paid');
CREATE INDEX cheque_unbilled ON cheque (account, cur, vnd, epoid) WHERE state = 'paid' AND invoice IS NULL;
CREATE INDEX cheque_billed ON cheque (account, cur, invoice, vnd, epoid) WHERE invoice IS NOT NULL;
CREATE INDEX cheque_unnoted ON cheque (vnd, cur, epoid) WHERE state = 'paid' AND note IS NULL;
CREATE INDEX cheque_noted ON cheque (vnd, cur, note, epoid) WHERE note IS NOT NULL;

-- As sites get them; each row signed with its place, like an invoice.
CREATE TABLE credit_note (
  n       INTEGER PRIMARY KEY CHECK (n >= 1),
  vnd     TEXT NOT NULL REFERENCES vendor (vnd),
  cur     TEXT NOT NULL,
  number  INTEGER NOT NULL CHECK (number >= 1),
  after_n INTEGER NOT NULL CHECK (after_n >= 1),
  seq     INTEGER NOT NULL REFERENCES journal (seq),
  doc     TEXT NOT NULL,
  sig     TEXT NOT NULL,
  UNIQUE (vnd, cur, number)
) STRICT;
`;
