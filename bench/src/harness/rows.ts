// What the benchmark says: rows, and the targets that stand beside them.

/** `baseline` is the same figure of the same app ungated, in the same run; `ratio` compares pair by pair. */
export type Row = {
  readonly name: string;
  readonly unit: string;
  /** `null`: not run, and `note` says why. */
  readonly value: number | null;
  readonly baseline: number | null;
  readonly ratio: number | null;
  /** Present where the project has set itself one. `by`: how far the figure is from it, such as `264 µs, 7.5 times`. */
  readonly target?: { readonly text: string; readonly met: boolean; readonly by: string };
  readonly note?: string;
};

/** `of`: the figure that it is for. */
type Target = {
  readonly of: 'value' | 'ratio';
  readonly most?: number;
  readonly least?: number;
  readonly unit: string;
};

/** By row name, a star for one part of it. What is compared with a peer is in `relate`. */
const targets: Readonly<Record<string, Target>> = {
  'express/scrip/sqlite/cpu-added': { of: 'value', most: 35, unit: 'µs' },
  'express/payword/sqlite/cpu-added': { of: 'value', most: 20, unit: 'µs' },
  'express/scrip/sqlite': { of: 'ratio', least: 0.45, unit: 'of the free app' },
  'express/payword/sqlite': { of: 'ratio', least: 0.55, unit: 'of the free app' },
  'express/scrip/*/half/p99-added': { of: 'value', most: 2, unit: 'ms' },
  'express/payword/*/half/p99-added': { of: 'value', most: 2, unit: 'ms' },
  'stream/ticks/payword/*': { of: 'value', least: 20_000, unit: 'units/s' },
  'memory/scrip/spent/sqlite': { of: 'value', most: 16, unit: 'B' },
  'memory/scrip/spent/sqlite/restarted': { of: 'value', most: 16, unit: 'B' },
  'memory/payword/session/*': { of: 'value', most: 1024, unit: 'B' },
  'memory/payword/session/*/restarted': { of: 'value', most: 1024, unit: 'B' },
  'broker/*/sales': { of: 'value', least: 5000, unit: '/s' },
  'broker/*/redemptions': { of: 'value', least: 5000, unit: '/s' },
  'broker/ecash/withdraw': { of: 'value', least: 2000, unit: 'coins/s' },
  'broker/ecash/deposit': { of: 'value', least: 1000, unit: 'coins/s' },
  'wallet/chromium/*/navigation/added': { of: 'value', most: 60, unit: 'ms' },
};

type Figures = { value: number; baseline?: number | undefined; ratio?: number | undefined };

export function row(name: string, unit: string, figures: Figures): Row {
  const target = targetOf(name);
  const figure = target && figures[target.of];
  return {
    name,
    unit,
    value: finite(figures.value),
    baseline: finite(figures.baseline),
    ratio: finite(figures.ratio),
    ...(target && figure !== undefined ? { target: judge(figure, target) } : {}),
  };
}

function targetOf(name: string): Target | undefined {
  const parts = name.split('/');
  const fits = (pattern: string) => {
    const wanted = pattern.split('/');
    return wanted.length === parts.length && wanted.every((part, i) => part === '*' || part === parts[i]);
  };
  return Object.entries(targets).find(([pattern]) => fits(pattern))?.[1];
}

function judge(figure: number, { most, least, unit }: Target): NonNullable<Row['target']> {
  const [sign, bound, met] =
    most === undefined ? ['≥', least ?? 0, figure >= (least ?? 0)] : ['≤', most, figure <= most];
  const times = most === undefined ? bound / figure : figure / bound;
  return {
    text: `${sign} ${bound} ${unit}`,
    met,
    by: `${digits(figure)} instead of ${sign} ${bound} ${unit} (${digits(times)} times)`,
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

/** Three digits that mean something; more would be noise. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

const PEERS = ['x402', 'mppx'];

/** Each durable wall beside the peers of the same run: less than half of what each of them adds. */
export function relate(rows: readonly Row[], methods: readonly string[]): Row[] {
  const added = (wall: string) => rows.find(({ name }) => name === `express/${wall}/cpu-added`)?.value;
  return methods.flatMap((method) =>
    PEERS.flatMap((peer): Row[] => {
      const [ours, theirs] = [added(`${method}/sqlite`), added(`peer/${peer}`)];
      if (typeof ours !== 'number' || typeof theirs !== 'number') return [];
      const name = `express/${method}/sqlite/beside-${peer}`;
      const target = judge(ours / theirs, { of: 'ratio', most: 0.5, unit: `of ${peer}` });
      return [{ name, unit: 'µs CPU added', value: ours, baseline: theirs, ratio: ours / theirs, target }];
    }),
  );
}
