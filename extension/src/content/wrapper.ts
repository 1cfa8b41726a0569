// Runs in the page's own world: a request that is answered with 402 is repeated once, as `address#nonce`, after the
// worker has put a credential on exactly that request. No credential ever comes into this world.
import { wrapEventSource } from './wrapped-event-source.ts';
import { wrapFetch } from './wrapped-fetch.ts';
import { wrapXhr } from './wrapped-xhr.ts';

wrapFetch();
wrapXhr();
wrapEventSource();
