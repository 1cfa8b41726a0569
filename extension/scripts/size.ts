// Measures what a page loads, minified and gzipped, and fails when a page outgrows its gate.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { contentBuild, pagesBuild } from '../vite.config.ts';

const KB = 1024;
const gates = {
  'popup.js': 60,
  'approve.js': 30,
  'goods.js': 45,
  'welcome.js': 30,
  css: 8,
  'content/bridge.js': 3,
  'content/wrapper.js': 3,
};

const outDir = await mkdtemp(join(tmpdir(), 'farthing-size-'));
await build(pagesBuild({ outDir, minify: true }));
for (const name of ['bridge', 'wrapper'] as const) await build(contentBuild(name, { outDir, minify: true }));

/** A script and everything that it imports, each once. */
async function withImports(path: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const text = await readFile(path, 'utf8');
  for (const [, target = ''] of text.matchAll(/(?:from|import)\s*["'](\.[^"']+)["']/g))
    await withImports(join(path, '..', target), seen);
  return seen;
}

const gzipped = async (paths: Iterable<string>) => {
  let bytes = 0;
  for (const path of paths) bytes += gzipSync(await readFile(path)).length;
  return bytes / KB;
};

let tooLarge = false;
for (const [name, gate] of Object.entries(gates)) {
  const files =
    name === 'css'
      ? (await readdir(join(outDir, 'assets')))
          .filter((file) => file.endsWith('.css'))
          .map((file) => join(outDir, 'assets', file))
      : await withImports(join(outDir, name));
  const size = await gzipped(files);
  tooLarge ||= size > gate;
  console.log(
    `${name.padEnd(20)} ${size.toFixed(1).padStart(6)} KB gzip, at most ${gate}${size > gate ? '  TOO LARGE' : ''}`,
  );
}
await rm(outDir, { recursive: true, force: true });
process.exitCode = tooLarge ? 1 : 0;
