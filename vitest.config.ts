import { defineConfig } from 'vitest/config';

// Sources, not builds: a clean clone has none. Global set-ups are loaded by Node itself, which `npm test` tells the same.
const conditions = ['farthing-source'];
const resolve = { conditions, externalConditions: conditions };

/** What is waited for comes when it comes: only what never comes is a failure, on a busy machine too. */
const poll = { timeout: 20_000 };

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr: { resolve },
        test: {
          name: 'unit',
          include: ['*/src/**/*.test.{ts,tsx}', 'extension/*.test.ts'],
          testTimeout: 60_000,
          expect: { poll },
        },
      },
      {
        resolve,
        ssr: { resolve },
        // The broker's suite once more, with every ledger in PostgreSQL.
        test: {
          name: 'postgres',
          include: ['broker/src/**/*.test.ts'],
          // Files and processes of SQLite, and what has no ledger.
          exclude: [
            'broker/src/{audit,laws}/**',
            'broker/src/{main,{cheque,ecash,peers}-kill.attack,ecash-unlinkable.attack,http/logs.attack}.test.ts',
            'broker/src/books/**',
            'broker/src/archive/*.attack.test.ts',
          ],
          globalSetup: ['broker/src/testing/on-postgres.ts'],
          testTimeout: 180_000,
          expect: { poll },
        },
      },
      {
        resolve,
        ssr: { resolve },
        // Real browsers and real processes: one file at a time, so that two cores are enough.
        test: {
          name: 'e2e',
          include: ['e2e/src/**/*.e2e.ts'],
          testTimeout: 180_000,
          expect: { poll },
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
