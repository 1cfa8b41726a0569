// The worker: everything that listens is registered in its first turn, everything that pays waits for the wallet.
import { browser, isPrivate, type Runtime } from '../browser.ts';
import { pack } from '../codec.ts';
import { decodeMessage, type Sender } from '../messages.ts';
import { registerScripts } from './access.ts';
import { ahead } from './ahead.ts';
import { answer } from './answers.ts';
import { approvalsReady, watchSurfaces } from './approvals.ts';
import { fetchAsks } from './asked.ts';
import { onSearch, searchReady } from './coin-search.ts';
import { pageLost } from './delivery.ts';
import { problemOf, wallet } from './engine.ts';
import { goodsReady } from './goods.ts';
import * as navigation from './navigation.ts';
import { type HeadersSeen, loadingReady, observe } from './observe.ts';
import { fetchAnswered, fetchLost } from './page-fetch.ts';
import { beginKeeping } from './pocket/keeper.ts';
import { beginPrivate } from './pocket/private.ts';
import { PUBLISH_ALARM, publish } from './snapshot.ts';
import * as streams from './streams.ts';
import { gone, onViewChange, views } from './tabs.ts';
import { findOrphans, loaded, mendAll, scheduleRenewal, tend } from './upkeep.ts';
import { visitsReady } from './visits.ts';

const own = `chrome-extension://${browser.runtime.id}`;

/** A worker that was just woken reads what the last one knew before it acts; events keep their order. */
const ready = Promise.all([
  views.ready,
  ahead.ready,
  approvalsReady,
  visitsReady,
  loadingReady,
  streams.streamsReady,
  searchReady,
  goodsReady,
]).then(findOrphans);
const inOrder = (act: () => unknown) => void ready.then(act).catch(problemOf);

observe(
  {
    answered: (seen) => void Promise.resolve(answered(seen)).catch(problemOf),
    lost: ({ main, tabId, url, armed }) => {
      if (armed) void (main ? pageLost(tabId, url, armed.payment) : fetchLost(armed.payment)).catch(problemOf);
    },
    over: streams.requestOver,
  },
  inOrder,
);

function answered(seen: HeadersSeen): Promise<void> | void {
  if (seen.initiator === own) return; // the engine's own repeat of a credential
  if (seen.main) return seen.armed ? navigation.pageAnswered(seen) : navigation.pageAsks(seen);
  if (seen.armed) return fetchAnswered(seen, views.get(String(seen.tabId)));
  fetchAsks(seen);
}

browser.webNavigation.onBeforeNavigate.addListener((details) => {
  const { frameId, tabId, url } = details;
  const ahead = 'documentLifecycle' in details && details.documentLifecycle === 'prerender';
  if (frameId === 0 && !ahead) inOrder(() => navigation.pageLeaves(tabId, url));
});
browser.webNavigation.onCommitted.addListener(({ frameId, tabId, url }) => {
  if (frameId !== 0) return;
  inOrder(() => {
    streams.tabLeft(tabId);
    navigation.pageStands(tabId, url);
  });
});
browser.webNavigation.onCompleted.addListener(({ frameId, tabId }) => {
  if (frameId === 0) void ready.then(() => loaded(tabId)).catch(problemOf);
});
browser.webNavigation.onErrorOccurred.addListener((details) => {
  const { frameId, tabId, url } = details;
  const error = 'error' in details ? details.error : undefined;
  if (frameId === 0 && error !== 'net::ERR_ABORTED') {
    inOrder(() => navigation.pageStands(tabId, url));
    void ready.then(() => loaded(tabId)).catch(problemOf);
  }
});
browser.tabs.onRemoved.addListener((tabId) =>
  inOrder(() => {
    navigation.tabClosed(tabId);
    streams.tabLeft(tabId);
    gone(tabId);
  }),
);
watchSurfaces();

browser.runtime.onMessage.addListener((raw: unknown, from: Runtime.MessageSender, reply: (answer: unknown) => void) => {
  const sender = senderOf(from);
  const message = decodeMessage(raw, sender, { id: browser.runtime.id, origin: own });
  if (!message) {
    reply({ problem: { code: 'request-malformed' } });
    return true;
  }
  ready
    .then(() => answer(message, sender))
    .then(
      (value) => reply({ ok: pack(value) }),
      (error) => {
        const { code, extra } = problemOf(error);
        reply({ problem: { code, detail: extra.detail, members: extra.members } });
      },
    );
  return true;
});

function senderOf(from: Runtime.MessageSender & { origin?: string; documentId?: string }): Sender {
  const { id, url, origin, tab, frameId } = from;
  return { id, url, origin, tabId: tab?.id, frameId };
}

browser.runtime.onInstalled.addListener(({ reason }) => {
  if (reason === 'install' && !isPrivate) void browser.tabs.create({ url: browser.runtime.getURL('welcome.html') });
});
browser.permissions.onAdded.addListener(() => void registerScripts());
browser.permissions.onRemoved.addListener(() => void registerScripts());
browser.commands.onCommand.addListener((command) => {
  if (command === 'toggle-pause') void togglePause().catch(problemOf);
});
browser.alarms.onAlarm.addListener(({ name }) => {
  if (name === PUBLISH_ALARM) publish();
  else void ready.then(() => tend(name));
});

async function togglePause(): Promise<void> {
  const engine = await wallet;
  const { pausedUntilMs } = await engine.budget();
  await (pausedUntilMs === undefined ? engine.pause('forever') : engine.resume());
}

if (isPrivate) beginPrivate();
else beginKeeping();
onViewChange(publish);
onSearch(publish);
void registerScripts();
void wallet
  .then((engine) => {
    engine.subscribe(publish);
    publish();
    return ready.then(mendAll);
  })
  .catch(problemOf);
void scheduleRenewal();
