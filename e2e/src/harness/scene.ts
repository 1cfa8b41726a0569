// Broker, newspaper and browser together, for specs: real processes, a fresh profile, everything gone afterwards.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Visit, type VisitOptions, visit } from './browser.ts';
import { type Running, startBrokerProcess, startSiteProcess } from './processes.ts';

export type Scene = {
  readonly folder: string;
  broker: Running;
  site: Running;
  readonly browser: Visit;
  /** The article that the welcome page leads to. */
  readonly article: string;
  close(): Promise<void>;
};

export async function makeScene(options: Partial<VisitOptions> = {}): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-scene-'));
  const broker = await startBrokerProcess(join(folder, 'broker'));
  const site = await startSiteProcess(broker.url, join(folder, 'site'));
  const article = `${site.url}/article/last-lighthouse-keeper`;
  const browser = await visit({
    brokerUrl: broker.url,
    demoUrl: article,
    profile: join(folder, 'profile'),
    ...options,
  });
  const scene: Scene = {
    folder,
    broker,
    site,
    browser,
    article,
    async close() {
      await browser.close();
      await scene.site.stop();
      await scene.broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return scene;
}
