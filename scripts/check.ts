// `npm run check`: everything besides tests that must hold before a commit. Each step says what it is for; all run, then
// the failures are listed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const script = (name: string): [string, string[]] => [
  process.execPath,
  ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', join(root, 'scripts', name)],
];

const steps: [string, [string, string[]]][] = [
  ['format and lint', [bin('biome'), ['ci', '--colors=off', '--max-diagnostics=30', '--error-on-warnings', '.']]],
  ['types of all packages', [bin('tsc'), ['-b']]],
  ['types of tests and scripts', [bin('tsc'), ['-p', 'tsconfig.tests.json']]],
  ['who may import whom', script('check-imports.ts')],
  ['unused files, exports and dependencies', [bin('knip'), []]],
  ['what packages carry', script('check-packages.ts')],
];

const failures: string[] = [];
for (const [name, [command, args]] of steps) {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  const good = status === 0;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!good) {
    failures.push(name);
    console.log(`${stdout ?? ''}${stderr ?? ''}`.trimEnd());
  }
}
console.log(failures.length === 0 ? 'check: all good' : `check: ${failures.length} failed: ${failures.join('; ')}`);
process.exit(failures.length === 0 ? 0 : 1);
