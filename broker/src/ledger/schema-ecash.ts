// The tables of coins. Money still moves in `journal` and `posting` alone: these rows say which coins are out and which are
// spent. A coin itself is unknown here until it is spent: that is the point of it.

export const ecash = `
-- One RSA key. L4: issued = redeemed + held + outstanding, and coins in hands are worth what is outstanding.
CREATE TABLE keyset (
  ks       TEXT PRIMARY KEY,
  cur      TEXT NOT NULL,
  denom    INTEGER NOT NULL CHECK (denom > 0),
  -- the site that its coins are locked to; empty: they go everywhere
  vnd      TEXT NOT NULL,
  epoch    INTEGER NOT NULL CHECK (epoch >= 1),
  -- the signed record
  doc      TEXT NOT NULL,
  pkcs8    BLOB NOT NULL,
  -- revoked: its coins are swapped, no more; stopped: not even that, more of them came than were made
  state    TEXT NOT NULL CHECK (state IN ('live', 'revoked', 'stopped')),
  issued   INTEGER NOT NULL CHECK (issued >= 0),
  redeemed INTEGER NOT NULL CHECK (redeemed >= 0),
  held     INTEGER NOT NULL CHECK (held >= 0),
  UNIQUE (cur, denom, vnd, epoch),
  CHECK (redeemed + held <= issued)
) STRICT, WITHOUT ROWID;

-- Every list that was published, signed; the highest number of a lock is the one that holds.
CREATE TABLE key_list (
  vnd TEXT NOT NULL,
  no  INTEGER NOT NULL CHECK (no >= 1),
  doc TEXT NOT NULL,
  PRIMARY KEY (vnd, no)
) STRICT, WITHOUT ROWID;

-- Spent coins, once each. use: 'pay <vnd> <challenge>' or 'swap <from> <rid>'.
CREATE TABLE spent_coin (
  pk  TEXT PRIMARY KEY,
  ks  TEXT NOT NULL REFERENCES keyset (ks),
  use TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was signed blindly, for wallets that have lost everything else.
CREATE TABLE blind_signature (
  ks  TEXT NOT NULL REFERENCES keyset (ks),
  b   TEXT NOT NULL,
  sig TEXT NOT NULL,
  PRIMARY KEY (ks, b)
) STRICT, WITHOUT ROWID;

-- Payments that sites asked about before they delivered. void: the site gave it up, or nobody captured it in time.
CREATE TABLE coin_payment (
  vnd       TEXT NOT NULL REFERENCES vendor (vnd),
  challenge TEXT NOT NULL,
  cur       TEXT NOT NULL,
  amount    INTEGER NOT NULL CHECK (amount > 0),
  -- names everything that was signed over
  hash      TEXT NOT NULL,
  -- [{ks, pk}]
  coins     TEXT NOT NULL,
  -- blind signatures of the change, in order
  change    TEXT NOT NULL,
  receipt   TEXT NOT NULL,
  until     INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('held', 'paid', 'void', 'swapped')),
  PRIMARY KEY (vnd, challenge)
) STRICT, WITHOUT ROWID;
CREATE INDEX coin_payment_held ON coin_payment (until) WHERE state = 'held';

CREATE TABLE ecash_batch (
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

-- Locked coins that were claimed and not paid, and why; the batch, as its site signed it, is the evidence.
CREATE TABLE ecash_alarm (
  batch     TEXT NOT NULL REFERENCES ecash_batch (hash),
  n         INTEGER NOT NULL,
  vnd       TEXT NOT NULL,
  challenge TEXT NOT NULL,
  why       TEXT NOT NULL,
  PRIMARY KEY (batch, n)
) STRICT, WITHOUT ROWID;
`;
