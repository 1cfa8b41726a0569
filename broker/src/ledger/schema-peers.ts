// Brokers that this one clears with: what was asked of them, what they hold and owe for which payment, what was settled.

export const peers = `
-- What a broker owes another may be below zero here: then the other owes.
CREATE TABLE balance_3 (
  account TEXT NOT NULL,
  cur     TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  PRIMARY KEY (account, cur),
  CHECK (amount >= 0 OR account LIKE 'external:%' OR account LIKE 'user:%' OR account LIKE 'peer:%')
) STRICT, WITHOUT ROWID;
INSERT INTO balance_3 SELECT account, cur, amount FROM balance;
DROP TABLE balance;
ALTER TABLE balance_3 RENAME TO balance;

-- via: the broker that presented the coins for a site of its own, and is paid instead; empty: the site is ours.
-- cleared: the period in which it was settled with that broker, 0 before.
CREATE TABLE coin_payment_2 (
  vnd       TEXT NOT NULL,
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
  via       TEXT NOT NULL,
  cleared   INTEGER NOT NULL CHECK (cleared = 0 OR (via <> '' AND state = 'paid')),
  PRIMARY KEY (vnd, challenge)
) STRICT, WITHOUT ROWID;
INSERT INTO coin_payment_2 SELECT vnd, challenge, cur, amount, hash, coins, change, receipt, until, state, '', 0 FROM coin_payment;
DROP TABLE coin_payment;
ALTER TABLE coin_payment_2 RENAME TO coin_payment;
CREATE INDEX coin_payment_held ON coin_payment (until) WHERE state = 'held';
CREATE INDEX coin_payment_owing ON coin_payment (via, cur) WHERE via <> '' AND state = 'paid' AND cleared = 0;

-- Set by the operator, signed by this broker. line: how much the other may owe; most: the highest line it ever had.
CREATE TABLE peer (
  brk     TEXT NOT NULL,
  cur     TEXT NOT NULL,
  root    TEXT NOT NULL,
  url     TEXT NOT NULL,
  line    INTEGER NOT NULL CHECK (line >= 0),
  most    INTEGER NOT NULL CHECK (most >= line),
  -- ended: nothing new; what is under way is finished and cleared
  state   TEXT NOT NULL CHECK (state IN ('live', 'ended')),
  made_ms INTEGER NOT NULL,
  sig     TEXT NOT NULL,
  PRIMARY KEY (brk, cur)
) STRICT, WITHOUT ROWID;

-- Sites of other brokers: a name is one site's, whoever else vouches for it later.
CREATE TABLE peer_vendor (
  vnd TEXT PRIMARY KEY,
  brk TEXT NOT NULL,
  pk  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What we ask another broker, written before it is sent, and its signed answer. from_key, order_rid: the site's order in it.
-- vnd, challenge: the payment that it asks to take; empty when it asks to end holds. What was refused is taken out.
CREATE TABLE peer_order (
  n         INTEGER PRIMARY KEY,
  brk       TEXT NOT NULL,
  from_key  TEXT NOT NULL,
  order_rid TEXT NOT NULL,
  vnd       TEXT NOT NULL,
  challenge TEXT NOT NULL,
  body      TEXT NOT NULL,
  answer    TEXT
) STRICT;
CREATE INDEX peer_order_asked ON peer_order (from_key, order_rid);
CREATE INDEX peer_order_open ON peer_order (n) WHERE answer IS NULL;
CREATE INDEX peer_order_of ON peer_order (vnd, challenge, n) WHERE challenge <> '';

-- Coins of other brokers. asked: not known whether it took them. false: its answer is not what was asked; it is the evidence.
CREATE TABLE peer_payment (
  vnd       TEXT NOT NULL REFERENCES vendor (vnd),
  challenge TEXT NOT NULL,
  brk       TEXT NOT NULL,
  cur       TEXT NOT NULL,
  amount    INTEGER NOT NULL CHECK (amount > 0),
  hash      TEXT NOT NULL,
  -- the order that asked for it last, and the one that ended its hold, 0 before
  ask       INTEGER NOT NULL,
  ended_by  INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('asked', 'held', 'paid', 'void', 'false')),
  -- as the other broker says; 0 before
  until     INTEGER NOT NULL,
  paid_at   INTEGER NOT NULL CHECK ((paid_at > 0) = (state = 'paid')),
  cleared   INTEGER NOT NULL CHECK (cleared = 0 OR state = 'paid'),
  PRIMARY KEY (vnd, challenge)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_payment_open ON peer_payment (brk, cur, amount) WHERE state IN ('asked', 'held');
CREATE INDEX peer_payment_owed ON peer_payment (brk, cur) WHERE state = 'paid' AND cleared = 0;
`;

export const clearing = `
-- What was settled, or is proposed. doc: the figures as the one that asked signed them. Of what we asked ourselves also the
-- answer of the other, and a signature of our own over the moment; all three are empty or 0 while there is no answer.
CREATE TABLE clearing (
  brk    TEXT NOT NULL,
  cur    TEXT NOT NULL,
  period INTEGER NOT NULL CHECK (period >= 1),
  ours   INTEGER NOT NULL CHECK (ours IN (0, 1)),
  doc    TEXT NOT NULL,
  answer TEXT NOT NULL,
  at_ms  INTEGER NOT NULL,
  sig    TEXT NOT NULL,
  PRIMARY KEY (brk, cur, period)
) STRICT, WITHOUT ROWID;
`;
