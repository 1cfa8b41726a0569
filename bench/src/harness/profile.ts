// What a CPU profile says at a glance: the functions that took the most time themselves.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** As Node writes it: `samples` name the node that was running, `timeDeltas` the µs since the sample before. */
export type Profile = {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

type Node = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
};

export type Hotspot = { readonly name: string; readonly share: number };

const SHOWN = 20;
/** Nor is what the profiler itself does. */
const NOT_WORK = /^\(idle\)$|node:inspector/;

/** Of every profile in the folder. */
export function hotspots(folder: string): string {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.cpuprofile')) : [];
  if (files.length === 0) return 'no profile: only walls are profiled, such as express/scrip/sqlite';
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
  const names = namesOf(nodes);
  const micros = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    const delta = timeDeltas[i] ?? 0;
    if (NOT_WORK.test(name)) continue;
    busy += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  }
  return [...micros].map(([name, spent]) => ({ name, share: spent / busy })).sort((a, b) => b.share - a.share);
}

/** Native functions have no file: who called them says more than their name. */
function namesOf(nodes: readonly Node[]): ReadonlyMap<number, string> {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)));
  const scripted = (node: Node | undefined): Node | undefined =>
    node?.callFrame.url === '' ? scripted(parents.get(node.id)) : node;
  return new Map(
    nodes.map((node) => {
      const { functionName, url } = node.callFrame;
      const caller = url === '' && !functionName.startsWith('(') ? scripted(parents.get(node.id)) : undefined;
      return [node.id, caller ? `${functionName}  in ${nameOf(caller)}` : nameOf(node)];
    }),
  );
}

/** The last two parts of the path tell files apart. */
function nameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'}${file === '' ? '' : `  ${file}:${lineNumber + 1}`}`;
}
