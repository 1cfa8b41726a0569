// A process that pays as fast as it can into one SQLite store and tells what was acknowledged, to be killed.
import { sqlite } from '../store/sqlite.ts';
import { reservation, spend } from './store-suite.ts';

const [path = ''] = process.argv.slice(2);
const store = sqlite(path);
const step = () => ({ outcome: '', untilMs: 1e15, claims: [], next: 0, undo: 0, deeds: [] });
await store.reserve(reservation({ id: 'opening', spends: [], session: { key: 's:beat', step } }));
let count = 0;

async function pay(): Promise<void> {
  for (;;) {
    const id = `c${count++}`;
    const claims = [{ key: 'root', add: 1n, untilMs: 1e15 }];
    await store.reserve(reservation({ id, spends: [spend(`spend of ${id}`)], outcome: `outcome of ${id}`, claims }));
    process.send?.({ reserved: id });
    void store.settle(id, 'me', 'commit').then(() => process.send?.({ settled: id }));
  }
}

async function beat(): Promise<void> {
  for (;;) {
    const made = await store.changeSession('s:beat', (row) => ({ next: Number(row) + 1, claims: [], untilMs: 1e15 }));
    process.send?.({ row: made?.next });
  }
}

void beat();
await Promise.all(Array.from({ length: 32 }, pay));
