// Runs a job of the README on a machine that has only Node and npm: installs what is missing first, then hands over
// to Node 24 from the packages. Plain JavaScript, because it has to start on an older Node.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const [job, ...args] = process.argv.slice(2);

const jobs = {
  demo: { file: 'e2e/src/demo/demo.ts', browser: true, extension: true },
  test: { file: 'scripts/test.ts', browser: true, extension: true, postgres: true, redis: true },
  'test:e2e': { file: 'scripts/test.ts', browser: true, extension: true, args: ['e2e'] },
  bench: { file: 'bench/src/main.ts' },
  profiles: { file: 'e2e/src/profiles/main.ts' },
  check: { file: 'scripts/check.ts' },
  broker: { file: 'broker/src/main.ts' },
  farthing: { file: 'wallet/src/node/farthing.ts' },
};
const todo = jobs[job];
if (!todo) fail(`Unknown job ${job}. Jobs: ${Object.keys(jobs).join(', ')}.`);

install();
if (todo.browser) browser();
if (todo.postgres) postgres();
if (todo.redis) redis();
if (todo.extension) buildExtension();
handOver();

/** Packages: when there are none, or when the lock file changed since they were installed. */
function install() {
  const stamp = join(root, 'node_modules', '.package-lock.json');
  const fresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (!fresh || !isNode24()) {
    say('Installing packages (about a minute the first time)…');
    run(
      process.platform === 'win32' ? 'npm.cmd' : 'npm',
      ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
      'npm ci failed; its message is above.',
    );
  }
  if (!isNode24())
    fail(
      'Node 24 did not arrive with the packages: allow the install script of the package "node" (npm install-scripts approve node) and run npm ci again.',
    );
}

function isNode24() {
  if (!existsSync(node)) return false;
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' });
  return Number(/^v(\d+)/.exec(stdout ?? '')?.[1]) >= 24;
}

/** Chromium: FARTHING_CHROMIUM, or what the system has, or Debian's package when we may install it. */
function browser() {
  const known = [process.env.FARTHING_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'].filter(Boolean);
  const found = known.find((path) => existsSync(path));
  if (found) {
    process.env.FARTHING_CHROMIUM = found;
    return;
  }
  debian('Chromium', ['chromium', 'fonts-dejavu-core', 'fonts-noto-core'], ', or set FARTHING_CHROMIUM to its path');
  process.env.FARTHING_CHROMIUM = '/usr/bin/chromium';
}

/** Installs packages of Debian when we may, or says what to install. */
function debian(what, packages, orElse = '') {
  const isDebian = existsSync('/usr/bin/apt-get');
  if (!isDebian || process.getuid?.() !== 0) {
    fail(
      `${what} is missing. ${isDebian ? `Install it with: sudo apt-get install ${packages[0]}` : `Install ${what}`}${orElse}.`,
    );
  }
  say(`Installing ${what} from Debian (once)…`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], 'apt-get update failed; its message is above.', env);
  run(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    `${what} could not be installed; the message is above.`,
    env,
  );
}

/** PostgreSQL's programs, for tests that start servers of their own: what the system has, or Debian's package. */
function postgres() {
  const folder = '/usr/lib/postgresql';
  if (existsSync(folder) && readdirSync(folder).some((version) => existsSync(join(folder, version, 'bin', 'initdb'))))
    return;
  debian('PostgreSQL', ['postgresql']);
}

/** Redis, likewise. Debian starts a server of its own where it may: nothing here talks to it. */
function redis() {
  const found = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')));
  if (!found) debian('Redis', ['redis-server']);
}

function buildExtension() {
  const { status, stdout, stderr } = spawnSync(node, [join(root, 'extension', 'scripts', 'build.ts')], {
    cwd: join(root, 'extension'),
    encoding: 'utf8',
  });
  if (status !== 0) fail(`The extension could not be built:\n${stdout}${stderr}`);
}

function handOver() {
  const child = spawn(
    node,
    [
      '--conditions=farthing-source',
      '--disable-warning=ExperimentalWarning',
      join(root, todo.file),
      ...(todo.args ?? []),
      ...args,
    ],
    {
      cwd: process.env.INIT_CWD && (job === 'farthing' || job === 'broker') ? process.env.INIT_CWD : root,
      stdio: 'inherit',
    },
  );
  // The terminal sends Ctrl-C to the whole group; the child ends in its own time and we end with it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

function run(command, list, message, env = process.env) {
  // Messages go to stderr, so that `--json` jobs keep stdout for themselves.
  const { status, error } = spawnSync(command, list, {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    env,
  });
  if (error || status !== 0) fail(message);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
