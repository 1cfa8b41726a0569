// The table for people, and the JSON for whoever draws curves.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from './machine.ts';
import type { Row } from './rows.ts';

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

/** A blank line between groups: `express/scrip/sqlite/p99` belongs to `express/scrip/sqlite`. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, value, unit, baseline, ratio, target, note }) => [
    name,
    value === null ? '–' : number(value),
    unit,
    baseline === null ? '' : number(baseline),
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
    .slice(0, name.startsWith('express/') && !name.startsWith('express/ungated') ? 3 : 1)
    .join('/');

/** Three digits that mean something; more would be noise. */
function number(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
