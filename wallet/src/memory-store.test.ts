import { test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { storeChecks } from './testing/store-suite.ts';

test.each([...storeChecks])('memory: $name', async ({ run }) => {
  const store = new MemoryStore();
  await run({ open: async () => store });
});
