import { memory } from './memory.ts';
import { storeSuite } from './suite.ts';

storeSuite('memory', async () => {
  const store = memory();
  return { store, dispose: () => store.close() };
});
