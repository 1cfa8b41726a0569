// What a Redis server must be before money is trusted to it. Asked of every server the store connects to: after a failover it is
// another one.
import { listOf, textOf } from './lines.ts';
import { isReply, type Wire } from './wire.ts';

/**
 * What the site takes although payments may then be taken twice: `eviction` when memory is short, `fsync` later than
 * the answer, `failover` to a replica that has not seen the last writes, settings that a service keeps `hidden`.
 */
export type Risk = 'eviction' | 'fsync' | 'failover' | 'hidden';

export type Wanted = {
  readonly accepts: readonly Risk[];
  /** Replicas that confirm each write. */
  readonly waitReplicas: number;
  readonly isCluster: boolean;
};

/** The script counts on effects being replicated, not commands. */
const OLDEST = 7;
const SETTINGS = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'no-appendfsync-on-rewrite'];

/** @throws {Error} the server loses what it has acknowledged, or is too old */
export async function needDurable(wire: Wire, { accepts, waitReplicas, isCluster }: Wanted): Promise<void> {
  const info = linesOf(textOf(await wire.send(['INFO'])), ':');
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= OLDEST)) throw new Error(`Redis ${version} is too old: ${OLDEST}.0 or newer`);
  if (!isCluster && info.get('cluster_enabled') === '1') {
    throw new Error('this server is part of a cluster: name its servers as { cluster: [url, …] }');
  }
  const settings = await settingsOf(wire);
  if (!settings) {
    if (!accepts.includes('hidden'))
      refuse('does not show its settings (CONFIG GET)', 'they may lose writes', 'hidden');
  } else {
    const get = (name: string) => settings.get(name) ?? 'unknown';
    const policy = get('maxmemory-policy');
    if (get('maxmemory') !== '0' && policy !== 'noeviction' && !accepts.includes('eviction')) {
      refuse(
        `has maxmemory-policy = ${policy}`,
        'spent instruments would be forgotten: set it to noeviction',
        'eviction',
      );
    }
    if (!accepts.includes('fsync')) needSync(get);
  }
  const replicas = Number(info.get('connected_slaves') ?? 0);
  if (replicas > 0 && waitReplicas === 0 && !accepts.includes('failover')) {
    refuse(
      `has ${replicas} replica${replicas > 1 ? 's' : ''}`,
      `one that takes over may lack the last writes: say waitReplicas: ${replicas}`,
      'failover',
    );
  }
}

function needSync(get: (name: string) => string): void {
  const wanted = { appendonly: 'yes', appendfsync: 'always', 'no-appendfsync-on-rewrite': 'no' };
  for (const [name, good] of Object.entries(wanted)) {
    if (get(name) === good) continue;
    refuse(`has ${name} = ${get(name)}`, `after a crash payments could be taken twice: set it to ${good}`, 'fsync');
  }
}

function refuse(what: string, why: string, risk: Risk): never {
  throw new Error(`Redis ${what}: ${why}, or accept that with accepts: ['${risk}']`);
}

/** `undefined`: the server does not say. */
async function settingsOf(wire: Wire): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const cells = listOf(await wire.send(['CONFIG', 'GET', ...SETTINGS])).map(textOf);
    if (cells.length === 0) return undefined;
    return new Map(cells.flatMap((cell, i) => (i % 2 === 0 ? [[cell, cells[i + 1] ?? ''] as const] : [])));
  } catch (error) {
    if (isReply(error)) return undefined;
    throw error;
  }
}

function linesOf(text: string, separator: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(separator);
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}
