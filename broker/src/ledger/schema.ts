// The broker's tables. Money is INTEGER (64 bits) in STRICT tables; every CHECK is a law that a bug would have to break.
// `journal` and `posting` are the truth; `balance` and the sums in `root` and `licence` are projections that the audit
// recomputes. Every table but `refusal` is append-only or moves in one direction.

import { archive } from './schema-archive.ts';
import { approvals, cheque, chequeBills } from './schema-cheque.ts';
import { ecash } from './schema-ecash.ts';
import { invoices, paidIn } from './schema-invoices.ts';
import { payword } from './schema-payword.ts';
import { clearing, peers } from './schema-peers.ts';

const first = `
CREATE TABLE journal (
  seq      INTEGER PRIMARY KEY CHECK (seq >= 1),
  at_ms    INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  ref      TEXT NOT NULL,
  from_key TEXT,
  rid      TEXT,
  prev     BLOB NOT NULL CHECK (length(prev) = 32),
  hash     BLOB NOT NULL CHECK (length(hash) = 32),
  CHECK ((from_key IS NULL) = (rid IS NULL))
) STRICT;

-- sub: the piece of scrip that a posting on float:scrip belongs to, as <vnd>/<root>; else empty.
CREATE TABLE posting (
  seq     INTEGER NOT NULL REFERENCES journal (seq),
  n       INTEGER NOT NULL CHECK (n >= 0),
  account TEXT NOT NULL,
  sub     TEXT NOT NULL,
  cur     TEXT NOT NULL CHECK (cur IN ('usd-micro', 'eur-micro')),
  amount  INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX posting_account ON posting (account, cur, seq) WHERE account <> 'float:scrip';

CREATE TABLE balance (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  PRIMARY KEY (account, cur),
  CHECK (amount >= 0 OR account LIKE 'external:%')
) STRICT, WITHOUT ROWID;

-- What was asked and answered, as signed by both sides.
CREATE TABLE stored_order (
  n        INTEGER PRIMARY KEY,
  from_key TEXT NOT NULL,
  rid      TEXT NOT NULL,
  typ      TEXT NOT NULL,
  hash     BLOB NOT NULL CHECK (length(hash) = 32),
  body     TEXT NOT NULL,
  answer   TEXT NOT NULL,
  UNIQUE (from_key, rid)
) STRICT;

-- Orders that were refused stay refused until they are too old to be taken anyway.
CREATE TABLE refusal (
  from_key TEXT NOT NULL,
  rid      TEXT NOT NULL,
  hash     BLOB NOT NULL CHECK (length(hash) = 32),
  code     TEXT NOT NULL,
  extra    TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (from_key, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX refusal_until ON refusal (until_ms);

CREATE TABLE vendor (
  vnd     TEXT PRIMARY KEY,
  pk      TEXT NOT NULL,
  name    TEXT NOT NULL,
  origins TEXT NOT NULL,
  -- seconds, as in the signed record
  at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE licence (
  vnd             TEXT NOT NULL REFERENCES vendor (vnd),
  kid             TEXT NOT NULL,
  doc             TEXT NOT NULL,
  scrip_secret    BLOB NOT NULL CHECK (length(scrip_secret) = 32),
  customer_secret BLOB NOT NULL CHECK (length(customer_secret) = 32),
  cur             TEXT NOT NULL,
  first           INTEGER NOT NULL,
  last            INTEGER NOT NULL CHECK (last >= first),
  ceiling         INTEGER NOT NULL CHECK (ceiling > 0),
  exp_ms          INTEGER NOT NULL,
  next            INTEGER NOT NULL CHECK (next >= first AND next <= last + 1),
  sold            INTEGER NOT NULL CHECK (sold >= 0 AND sold <= ceiling),
  PRIMARY KEY (vnd, kid)
) STRICT, WITHOUT ROWID;

CREATE TABLE root (
  vnd        TEXT NOT NULL,
  root       TEXT NOT NULL,
  face       INTEGER NOT NULL CHECK (face > 0),
  cur        TEXT NOT NULL,
  fee_bps    INTEGER NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
  expires_ms INTEGER NOT NULL,
  buyer      TEXT,
  credited   INTEGER NOT NULL CHECK (credited >= 0),
  refunded   INTEGER NOT NULL CHECK (refunded >= 0),
  claimable  INTEGER NOT NULL,
  closed     INTEGER NOT NULL CHECK (closed IN (0, 1)),
  PRIMARY KEY (vnd, root),
  CHECK (credited <= claimable AND claimable <= face - refunded)
) STRICT, WITHOUT ROWID;
CREATE INDEX root_outstanding ON root (expires_ms) WHERE credited + refunded < face;

-- Broker scrip that was spent, once each, and the change that was made of it.
CREATE TABLE spent (
  id        TEXT PRIMARY KEY,
  from_key  TEXT NOT NULL,
  rid       TEXT NOT NULL,
  change_id TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
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

-- Claims that were not paid, or not in full, and why.
CREATE TABLE alarm (
  batch TEXT NOT NULL REFERENCES batch (hash),
  n     INTEGER NOT NULL,
  vnd   TEXT NOT NULL,
  root  TEXT NOT NULL,
  cum   INTEGER NOT NULL,
  why   TEXT NOT NULL,
  PRIMARY KEY (batch, n)
) STRICT, WITHOUT ROWID;

-- Codes are stored hashed; sig is the broker's, so that an edit of the file cannot raise a value.
CREATE TABLE voucher (
  hash      TEXT PRIMARY KEY,
  amount    INTEGER NOT NULL CHECK (amount > 0),
  cur       TEXT NOT NULL,
  made_ms   INTEGER NOT NULL,
  sig       TEXT NOT NULL,
  used_from TEXT,
  used_rid  TEXT,
  used_ms   INTEGER,
  CHECK ((used_from IS NULL) = (used_ms IS NULL) AND (used_from IS NULL) = (used_rid IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE invite (
  hash     TEXT PRIMARY KEY,
  made_ms  INTEGER NOT NULL,
  sig      TEXT NOT NULL,
  used_vnd TEXT,
  -- seconds, as in the answer that used it
  used_at  INTEGER,
  CHECK ((used_vnd IS NULL) = (used_at IS NULL))
) STRICT, WITHOUT ROWID;
`;

/** `migrations[n]` takes a database from version n to n + 1. Never edit one that was released. */
export const migrations: readonly string[] = [
  first,
  payword,
  invoices,
  ecash,
  paidIn,
  peers,
  cheque,
  chequeBills,
  clearing,
  approvals,
  archive,
];
