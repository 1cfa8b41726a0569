// Reads the import graph of the workspaces from their source text: what each file names, and what an entry reaches.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Source files of the product, without tests, paths relative to the root with forward slashes. */
export function sourceFiles(): string[] {
  return globSync('{protocol,node-kit,wallet,vendor-middleware,broker,extension,e2e}/{src/**/*,*}.{ts,tsx}', {
    cwd: root,
  })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !path.includes('/node_modules/') && !path.includes('/dist/'));
}

export const isTest = (path: string): boolean =>
  /\.(test|e2e)\.tsx?$|\/testing\/|\/test\/|\/(fixture|suite)\.ts$/.test(path);

export type Import = { readonly name: string; readonly typeOnly: boolean };

/** What a file names in imports and re-exports that stand at the start of a line, and in dynamic imports. */
export function importsOf(path: string): Import[] {
  const text = readFileSync(join(root, path), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]+?\sfrom\s+)?['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]/gm,
  );
  return [...found].map(([, type, name, dynamic]) => ({ name: name ?? dynamic ?? '', typeOnly: type !== undefined }));
}

/** The file that a relative or workspace import means, or `undefined` for a package or a Node module. */
export function resolveImport(from: string, name: string): string | undefined {
  if (name.startsWith('.')) {
    const path = relative(root, join(root, dirname(from), name)).replaceAll('\\', '/');
    return [path, `${path}.ts`, `${path}.tsx`].find(
      (candidate) => existsSync(join(root, candidate)) && /\.[jt]sx?$/.test(candidate),
    );
  }
  const match = /^@farthing\/([^/]+)(\/.+)?$/.exec(name);
  if (!match) return undefined;
  const folder = workspaces().get(`@farthing/${match[1]}`);
  if (!folder) return undefined;
  const { exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
    exports?: Record<string, { 'farthing-source'?: string }>;
  };
  const source = exports?.[`.${match[2] ?? ''}`]?.['farthing-source'];
  return source && join(folder, source).replaceAll('\\', '/');
}

let known: Map<string, string> | undefined;
function workspaces(): Map<string, string> {
  if (known) return known;
  const { workspaces: folders } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    workspaces: string[];
  };
  known = new Map(
    folders.map((folder) => [
      (JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name: string }).name,
      folder,
    ]),
  );
  return known;
}

/** Every source file that runs when `entry` is imported. */
export function reachedFrom(entry: string): Set<string> {
  const reached = new Set<string>();
  const queue = [entry];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { name } of importsOf(path).filter(({ typeOnly }) => !typeOnly)) {
      const target = resolveImport(path, name);
      if (target) queue.push(target);
    }
  }
  return reached;
}
