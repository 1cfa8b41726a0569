#!/usr/bin/env node
// The command `broker`: runs the service, or does one operator's job on the same data directory while it runs.
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { startBroker } from './start.ts';

async function serve({ json, test, ...options }: Options): Promise<number> {
  const { name, publicUrl } = options;
  const broker = await startBroker({
    data: options.data,
    port: options.port,
    host: options.host,
    registration: options.registration,
    faucetMicro: options.faucetMicro,
    test,
    ...(name === undefined ? {} : { name }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  const { url, brk } = broker;
  console.log(json ? JSON.stringify({ url, brk }) : `Farthing broker ready at ${url}${test ? ' (test mode)' : ''}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await broker.close();
  return 0;
}

async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args, process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return serve(options);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof UsageError ? `${message}\nbroker --help lists the options.` : `broker: ${message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
