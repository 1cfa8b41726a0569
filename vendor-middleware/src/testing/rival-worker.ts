// A process that wants the same instruments as its rivals on one SQLite store, in the same order, and tells which it got.
import { sqlite } from '../store/sqlite.ts';
import { reservation, spend } from './store-suite.ts';

const [path = '', name = '', from = '0', to = '0'] = process.argv.slice(2);
const store = sqlite(path);
let next = Number(from);

async function want(): Promise<void> {
  while (next < Number(to)) {
    const n = next++;
    const claims = [{ key: 'root', add: 1n, untilMs: 1e15 }];
    const entry = reservation({ id: `${name}.${n}`, spends: [spend(`coin ${n}`)], claims, state: 'committed' });
    const { kind } = await store.reserve(entry);
    process.send?.({ coin: n, kind });
  }
}

await Promise.all(Array.from({ length: 16 }, want));
await store.close();
process.disconnect?.();
