// The one file of the pages and the worker that names the extension API.
import browser from 'webextension-polyfill';

export type {
  Action,
  Alarms,
  DeclarativeNetRequest,
  Runtime,
  Storage,
  Tabs,
  WebNavigation,
  WebRequest,
} from 'webextension-polyfill';
export { browser };

/** These pages and this worker serve private windows, and share nothing with those that serve the others. */
export const isPrivate = browser.extension.inIncognitoContext === true;
