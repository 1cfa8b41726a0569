// What a CPU profile says at a glance: the functions that took the most time themselves.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** As Node writes it: `samples` name the node that was running, `timeDeltas` the µs since the sample before. */
export type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

export type Hotspot = { readonly name: string; readonly share: number };

const SHOWN = 20;
const IDLE = '(idle)';

/** Of every profile in the folder. */
export function hotspots(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  return files
    .map((file) => {
      const profile: Profile = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      const lines = selfTimes(profile)
        .slice(0, SHOWN)
        .map(({ name, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
      return [`${basename(file, '.cpuprofile')}: self time`, ...lines].join('\n');
    })
    .join('\n\n');
}

/** Shares of the time that the process was not idle, largest first. */
export function selfTimes({ nodes, samples, timeDeltas }: Profile): Hotspot[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const micros = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    const delta = timeDeltas[i] ?? 0;
    if (name === IDLE) continue;
    busy += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  }
  return [...micros].map(([name, spent]) => ({ name, share: spent / busy })).sort((a, b) => b.share - a.share);
}

/** The last two parts of the path tell files apart. */
function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'}${file === '' ? '' : `  ${file}:${lineNumber + 1}`}`;
}
