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
  'express/ecash/locked/*/cpu-added/coin': { of: 'value', most: 160, unit: 'µs' },
  'express/ecash/locked/*/neighbours/p99': { of: 'ratio', most: 1.5, unit: 'without coins' },
  'express/ecash/locked/*/neighbours/200/p99': { of: 'ratio', most: 1.5, unit: 'without coins' },
  'express/cheque/deferred/*/cpu-added/cheque': { of: 'value', most: 130, unit: 'µs' },
  'express/cheque/deferred/*/neighbours/p99': { of: 'ratio', most: 1.5, unit: 'without cheques' },
  'express/cheque/deferred/*/neighbours/200/p99': { of: 'ratio', most: 1.5, unit: 'without cheques' },
  'core/ecash/locked/credential/4-coins': { of: 'value', most: 4096, unit: 'B' },
  'stream/ticks/payword/*': { of: 'value', least: 20_000, unit: 'units/s' },
  'sealed/100MiB': { of: 'ratio', least: 0.8, unit: 'of the plain file' },
  'sealed/100MiB/memory-added': { of: 'value', most: 64, unit: 'MiB' },
  'memory/scrip/spent/sqlite': { of: 'value', most: 16, unit: 'B' },
  'memory/scrip/spent/sqlite/restarted': { of: 'value', most: 16, unit: 'B' },
  'memory/payword/session/*': { of: 'value', most: 1024, unit: 'B' },
  'memory/payword/session/*/restarted': { of: 'value', most: 1024, unit: 'B' },
  'store/*/claims/*/256': { of: 'value', least: 50_000, unit: '/s' },
  'store/*/restart/live-1000000': { of: 'value', most: 2, unit: 's' },
  'ledger/sqlite/*/1/256': { of: 'value', least: 5000, unit: '/s' },
  'ledger/postgres/*/2/256': { of: 'value', least: 10_000, unit: '/s' },
  'bulk/redeem/*/*/heap/50%': { of: 'ratio', most: 1.2, unit: 'of that at 10 %' },
  'bulk/redeem/*/*/heap/100%': { of: 'ratio', most: 1.2, unit: 'of that at 10 %' },
  'bulk/journal/*/*/settlement/peak': { of: 'ratio', most: 1.5, unit: 'of that with a tenth' },
  'bulk/journal/*/*/export/peak': { of: 'ratio', most: 1.5, unit: 'of that with a tenth' },
  'bulk/journal/*/*/export-site/peak': { of: 'ratio', most: 1.5, unit: 'of that with a tenth' },
  'growth/ledger/*/*/*/cpu': { of: 'ratio', most: 1.5, unit: 'of that with the fewest' },
  'broker/*/sales': { of: 'value', least: 5000, unit: '/s' },
  'broker/*/sales/256': { of: 'value', least: 5000, unit: '/s' },
  'broker/*/redemptions': { of: 'value', least: 5000, unit: '/s' },
  'broker/ecash/withdraw': { of: 'value', least: 2000, unit: 'coins/s' },
  'broker/ecash/deposit': { of: 'value', least: 1000, unit: 'coins/s' },
  'wallet/restore/ecash': { of: 'value', most: 10, unit: 's' },
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

/**
 * Rows of the same run beside each other: each durable wall that only hashes beside the peers, which is to add less than half
 * of what they do; a coin beside what a Cashu mint has to do for one; and what coins and cheques add beside the bare native
 * checks of their signatures, on one core and behind the same app.
 */
export function relate(rows: readonly Row[], { hashing }: { hashing: readonly string[] }): Row[] {
  const figureOf = (name: string) => rows.find((one) => one.name === name)?.value;
  const beside = (name: string, unit: string, of: readonly [ours: string, theirs: string]): Omit<Row, 'target'>[] => {
    const [ours, theirs] = of.map(figureOf);
    if (typeof ours !== 'number' || typeof theirs !== 'number') return [];
    return [{ name, unit, value: ours, baseline: theirs, ratio: ours / theirs }];
  };
  const added = (wall: string) => `express/${wall}/cpu-added`;
  const walls = hashing.flatMap((method) =>
    PEERS.flatMap((peer) => {
      const name = `express/${method}/sqlite/beside-${peer}`;
      const found = beside(name, 'µs CPU added', [added(`${method}/sqlite`), added(`peer/${peer}`)]);
      const target = (ratio: number | null) =>
        judge(ratio ?? Number.NaN, { of: 'ratio', most: 0.5, unit: `of ${peer}` });
      return found.map((one): Row => ({ ...one, target: target(one.ratio) }));
    }),
  );
  const [coin, proof] = ['core/ecash/locked/verify', 'core/peer/cashu/verify'];
  const signed = rows.flatMap(({ name }) => {
    const [, method, figure] = /^express\/(.+)\/[^/]+\/(cpu-added\/(?:coin|cheque)|neighbours\/p99)$/.exec(name) ?? [];
    const isTime = figure === 'neighbours/p99';
    return [
      ...(isTime ? [] : beside(`${name}/beside-signatures`, 'µs CPU each', [name, `core/${method}/signatures/cpu`])),
      ...beside(`${name}/beside-bare`, isTime ? 'ms' : 'µs CPU each', [name, `express/bare/${method}/${figure}`]),
    ];
  });
  return [...walls, ...signed, ...beside(`${coin}/beside-cashu`, 'µs CPU each', [`${coin}/cpu`, `${proof}/cpu`])];
}
