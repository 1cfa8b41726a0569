// Where the store is in a Redis Cluster. All of its keys are in one slot, so there is one server to talk to at a time, and the rest is
// knowing which: the clients' own cluster modes send again what may have been carried out, or hang on a server that is gone.
import { listOf, type Reply } from './lines.ts';
import type { Wire } from './wire.ts';

/**
 * Asks the seeds, one after the other, who has the slot of the key.
 * @throws {Error} none of them is there and knows
 */
export async function homeOf(
  key: string,
  seeds: readonly string[],
  connect: (url: string) => Promise<Wire>,
): Promise<string> {
  let failure: unknown = new Error('no server of the cluster was named');
  for (const seed of seeds) {
    try {
      const wire = await connect(seed);
      try {
        const slot = Number(await wire.send(['CLUSTER', 'KEYSLOT', key]));
        return atSlot(slot, listOf(await wire.send(['CLUSTER', 'SLOTS'])), seed);
      } finally {
        wire.destroy();
      }
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** From the answer `MOVED 3999 127.0.0.1:6381`. @param url a server of the cluster: user, password and TLS are the same for all */
export function movedTo(message: string, url: string): string | undefined {
  const [, address = ''] = /^MOVED \d+ (\S+)/.exec(message) ?? [];
  const at = address.lastIndexOf(':');
  return at < 0 ? undefined : serverAt(url, address.slice(0, at), address.slice(at + 1));
}

function atSlot(slot: number, ranges: readonly Reply[], url: string): string {
  for (const range of ranges) {
    const [from, to, master] = listOf(range);
    if (slot < Number(from) || slot > Number(to)) continue;
    const [host, port] = listOf(master);
    return serverAt(url, String(host ?? ''), String(port));
  }
  throw new Error(`no server of the cluster has slot ${slot}`);
}

/** @param host `''`: the same */
function serverAt(url: string, host: string, port: string): string {
  const at = new URL(url);
  if (host !== '' && host !== '?') at.hostname = host.includes(':') ? `[${host}]` : host;
  at.port = port;
  return at.href;
}
