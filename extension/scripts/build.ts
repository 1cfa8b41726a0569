// Builds the extension: dist/chromium as a store gets it, dist/test which sees every site without a prompt.
// FARTHING_DEMO_ORIGIN names the one site that a store build may see right after install.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { manifest } from '../manifest.ts';
import { contentBuild, pagesBuild } from '../vite.config.ts';

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export async function buildExtension(): Promise<void> {
  const code = here('dist/code');
  await rm(code, { recursive: true, force: true });
  await build(pagesBuild({ outDir: code }));
  await build(contentBuild('bridge', { outDir: code }));
  await build(contentBuild('wrapper', { outDir: code }));
  const { version } = JSON.parse(await readFile(here('package.json'), 'utf8'));
  const demoOrigin = process.env['FARTHING_DEMO_ORIGIN'];
  for (const test of [false, true]) {
    const out = here(test ? 'dist/test' : 'dist/chromium');
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });
    await cp(code, out, { recursive: true });
    await cp(here('_locales'), `${out}/_locales`, { recursive: true });
    await cp(here('icons'), `${out}/icons`, { recursive: true });
    const options = { target: 'chromium', test, version, ...(demoOrigin === undefined ? {} : { demoOrigin }) } as const;
    await writeFile(`${out}/manifest.json`, `${JSON.stringify(manifest(options), null, 2)}\n`);
    await writeFile(`${out}/config.json`, '{}\n');
  }
  await rm(code, { recursive: true, force: true });
}

await buildExtension();
