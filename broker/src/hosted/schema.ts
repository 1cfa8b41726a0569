// Tables of the hosted wallets, in a file of their own: the ledger knows accounts, not who holds them. Keys are not here: each
// account's is derived from a secret in another file.

const first = `
CREATE TABLE account (
  id       TEXT PRIMARY KEY,
  made_ms  INTEGER NOT NULL,
  -- of the terminal with a password: where codes go (hashed), salt and Argon2id of the password
  contact  TEXT UNIQUE,
  salt     BLOB,
  stretch  BLOB,
  -- the printed code: its first part, and a hash of the whole
  handle   TEXT NOT NULL UNIQUE,
  recovery BLOB NOT NULL CHECK (length(recovery) = 32),
  CHECK ((contact IS NULL) = (salt IS NULL) AND (contact IS NULL) = (stretch IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
  id         TEXT PRIMARY KEY,
  account    TEXT NOT NULL REFERENCES account (id),
  public_key BLOB NOT NULL,
  counter    INTEGER NOT NULL CHECK (counter >= 0),
  transports TEXT NOT NULL,
  made_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_account ON passkey (account);

CREATE TABLE session (
  hash     BLOB PRIMARY KEY CHECK (length(hash) = 32),
  account  TEXT NOT NULL REFERENCES account (id),
  level    INTEGER NOT NULL CHECK (level IN (0, 1)),
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_until ON session (until_ms);

-- Certificates of day keys, one for each site, currency and level.
CREATE TABLE cert (
  account TEXT NOT NULL REFERENCES account (id),
  vnd     TEXT NOT NULL,
  cur     TEXT NOT NULL,
  level   INTEGER NOT NULL,
  doc     TEXT NOT NULL,
  PRIMARY KEY (account, vnd, cur, level)
) STRICT, WITHOUT ROWID;

-- Wrong tries in a row of what can be guessed, and until when nobody may try again.
CREATE TABLE tries (
  what     TEXT PRIMARY KEY,
  count    INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

const movements = `
-- How far back an account's statement is read: the last movements lie after it.
CREATE TABLE page (
  account TEXT NOT NULL REFERENCES account (id),
  cur     TEXT NOT NULL,
  after   INTEGER NOT NULL,
  PRIMARY KEY (account, cur)
) STRICT, WITHOUT ROWID;
`;

/** `migrations[n]` takes the schema from version n to n + 1. */
export const migrations: readonly string[] = [first, movements];
