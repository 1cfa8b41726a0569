import { storeSuite } from '../testing/store-suite.ts';
import { memory } from './memory.ts';

storeSuite('memory', async () => {
  const store = memory();
  return { store, dispose: () => store.close() };
});
