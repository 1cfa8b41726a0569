// What the benchmark says: rows, and the targets that stand beside them.

/** `baseline` is the same figure of the same app ungated, in the same run; `ratio` compares pair by pair. */
export type Row = {
  readonly name: string;
  readonly unit: string;
  /** `null`: not run, and `note` says why. */
  readonly value: number | null;
  readonly baseline: number | null;
  readonly ratio: number | null;
  /** Present where the project has set itself one. */
  readonly target?: { readonly text: string; readonly met: boolean };
  readonly note?: string;
};

type Target = { readonly text: string; met(value: number): boolean };

const atMost = (most: number, unit: string): Target => ({ text: `≤ ${most} ${unit}`, met: (value) => value <= most });
const atLeast = (least: number, unit: string): Target => ({
  text: `≥ ${least} ${unit}`,
  met: (value) => value >= least,
});

/** By row name. What is compared with another row's value, such as with a peer's, is in `relate`. */
const targets: Readonly<Record<string, Target>> = {
  'express/scrip/sqlite/cpu-added': atMost(35, 'µs'),
  'express/scrip/sqlite/half/p99-added': atMost(2, 'ms'),
  'express/scrip/memory/half/p99-added': atMost(2, 'ms'),
  'memory/scrip/spent/process': atMost(16, 'B'),
  'broker/sales': atLeast(5000, '/s'),
  'broker/redemptions': atLeast(5000, '/s'),
  'wallet/chromium/navigation/added': atMost(60, 'ms'),
};

type Figures = { value: number; baseline?: number | undefined; ratio?: number | undefined };

export function row(name: string, unit: string, { value, baseline, ratio }: Figures): Row {
  const target = targets[name];
  return {
    name,
    unit,
    value: finite(value),
    baseline: finite(baseline),
    ratio: finite(ratio),
    ...(target ? { target: { text: target.text, met: target.met(value) } } : {}),
  };
}

export const notRun = (name: string, unit: string, why: string): Row => ({
  name,
  unit,
  value: null,
  baseline: null,
  ratio: null,
  note: `not run: ${why.split('\n')[0]?.slice(0, 160)}`,
});

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

const PEERS = ['x402', 'mppx'];

/** The durable wall beside the peers of the same run: less than half of what each of them adds. */
export function relate(rows: readonly Row[]): Row[] {
  const ours = added(rows, 'express/scrip/sqlite');
  return PEERS.flatMap((peer) => {
    const theirs = added(rows, `express/peer/${peer}`);
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ours / theirs;
    const target = { text: `< 0.5 of ${peer}`, met: ratio < 0.5 };
    return [
      {
        name: `express/scrip/sqlite/beside-${peer}`,
        unit: 'µs CPU added',
        value: ours,
        baseline: theirs,
        ratio,
        target,
      },
    ];
  });
}

const added = (rows: readonly Row[], wall: string): number | undefined =>
  rows.find(({ name }) => name === `${wall}/cpu-added`)?.value ?? undefined;
