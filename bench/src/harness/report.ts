// The table for people, and the JSON for whoever draws curves.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from './machine.ts';
import { digits, type Row } from './rows.ts';

export type Report = {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly pairs: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
};

export function writeReport(path: string, report: Report): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
}

export const headline = ({ cpu, cores, memoryMiB, platform, node, commit, loadBefore }: Machine): string =>
  [
    `${cpu}, ${cores} cores, ${memoryMiB} MiB, ${platform}; Node ${node}; commit ${commit}`,
    `load before the start ${loadBefore.toFixed(2)}: others on this machine move absolute figures; trust ratios and CPU`,
  ].join('\n');

const HEADS = ['', 'value', 'unit', 'beside', 'ratio', 'target', ''];

/** Groups stand together, a blank line between them: `express/scrip/sqlite/p99` belongs to `express/scrip/sqlite`. */
export function table(list: readonly Row[]): string {
  const rows = [...Map.groupBy(list, ({ name }) => groupOf(name)).values()].flat();
  const lines = rows.map(({ name, value, unit, baseline, ratio, target, note }) => [
    name,
    value === null ? '–' : digits(value),
    unit,
    baseline === null ? '' : digits(baseline),
    ratio === null ? '' : ratio.toFixed(2),
    target?.text ?? '',
    note ?? (target ? (target.met ? 'met' : 'MISSED') : ''),
  ]);
  const widths = HEADS.map((head, i) => Math.max(head.length, ...lines.map((line) => (line[i] ?? '').length)));
  const print = (line: readonly string[]) =>
    line
      .map((cell, i) => ([1, 3, 4].includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const out = [print(HEADS)];
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    if (before && groupOf(before.name) !== groupOf(row.name)) out.push('');
    out.push(print(lines[i] ?? []));
  });
  return out.join('\n');
}

const groupOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('express/') ? 3 : 2)
    .join('/');

/** The last line: which targets were missed, and by how much. */
export function missed(rows: readonly Row[]): string {
  const judged = rows.filter(({ target }) => target);
  const lines = judged.flatMap(({ name, target }) => (target && !target.met ? [`  ${name}: ${target.by}`] : []));
  if (judged.length === 0) return 'no row with a target';
  if (lines.length === 0) return `all ${judged.length} targets met`;
  return [`${lines.length} of ${judged.length} targets missed:`, ...lines].join('\n');
}
