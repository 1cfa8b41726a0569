// HTTP around the service: bounds first, then strict JSON, then the table of routes. Handlers hold no decisions.
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { faultOf, type Logger } from '@farthing/node-kit';
import type { Trail } from '@farthing/node-kit/telemetry';
import { PaymentProblem } from '@farthing/protocol';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Hosted } from '../hosted/hosted.ts';
import { isOfPages, PAY, pageHeaders } from '../hosted/pages.ts';
import type { BrokerService } from '../service.ts';
import { bodyOf, readHeader, readJson } from './body.ts';
import { openPage } from './open-page.ts';
import { openApi } from './openapi.ts';
import { problemOf, sendProblem } from './problems.ts';
import { readRoutes } from './reads.ts';
import type { OrderRoute } from './route.ts';
import { orderRoutes } from './routes.ts';
import { type Watch, watched } from './watched.ts';

/** Orders are nearly all that a broker is asked: they go past the router, whose layers would cost as much as a write. */
export function brokerListener(
  service: BrokerService,
  watch: Watch,
  hosted: () => Hosted | undefined = () => undefined,
): RequestListener {
  const { log } = watch;
  const app = brokerApp(service, log);
  const orders = new Map(orderRoutes.map((route) => [route.path, route]));
  return (request, response) => {
    // Whoever keeps the connection would send the next request into the end of this process.
    if (service.readiness.isDraining) response.shouldKeepAlive = false;
    const route = request.method === 'POST' ? orders.get(pathOf(request)) : undefined;
    const pages = !route && isOfPages(pathOf(request)) ? hosted() : undefined;
    if (pages) {
      showPage(pages, { request, response }).catch((error: unknown) => {
        fail(error, { request, response, log, path: PAY }, pageHeaders);
      });
      return;
    }
    if (!route) return app(request, response);
    const taken = watched(route.path, watch, (trail) => takeOrder(route, { service, request, response, trail }));
    taken.catch((error: unknown) => {
      fail(error, { request, response, log, path: route.path });
    });
  };
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

async function takeOrder(
  route: OrderRoute,
  { service, request, response, trail }: Exchange & { service: BrokerService; trail: Trail },
): Promise<void> {
  const answer = route.orderInHeader
    ? await service.answer(route, readHeader(request, route.bodyBytes), { body: bodyOf(request), trail })
    : await service.answer(route, await readJson(request, route.bodyBytes), { trail });
  const length = Buffer.byteLength(answer);
  response
    .writeHead(200, { ...ALWAYS, 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': length })
    .end(answer);
}

/** Opens the wallets when nobody has before: what is wrong with them is an answer that fails, and not the end of the broker. */
const showPage = async (hosted: Hosted, { request, response }: Exchange): Promise<void> =>
  hosted.pages.handle(request, response);

/** Without the query, which may name anything. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? '';

/** `path`: of the route, as its table has it. */
function fail(
  error: unknown,
  { request, response, log, path }: Exchange & { log: Logger; path: string },
  headers: OutgoingHttpHeaders = ALWAYS,
): void {
  const problem = problemOf(error);
  // Never the body or the real path: they may name keys, codes and sites. What we refuse on purpose is no fault, and could fill
  // a disk.
  if (!(error instanceof PaymentProblem) && problem.status >= 500) {
    const { method = '' } = request;
    log.error({ method, path, fault: faultOf(error) }, 'an answer failed');
  }
  if (response.headersSent) response.destroy();
  else sendProblem(response, problem, headers);
}

function brokerApp(service: BrokerService, log: Logger): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');
  app.set('query parser', false);
  app.use(headers);
  const document = JSON.stringify(openApi(service.settings.name));

  app.get('/openapi.json', (_request, response) => {
    response.type('application/json').send(document);
  });
  for (const route of readRoutes) {
    app.get(route.path, async (request, response) => {
      response.json(await route.read(service, request.params));
    });
  }
  app.get('/open', (_request, response) => {
    response.type('html').send(openPage);
  });
  for (const path of ['/openapi.json', '/open', ...readRoutes.map((route) => route.path)]) {
    app.all(path, notAllowed('GET, HEAD, OPTIONS'));
  }
  for (const { path } of orderRoutes) app.all(path, notAllowed('POST, OPTIONS'));
  app.use(() => {
    throw new PaymentProblem('not-found');
  });
  app.use(lastResort(log));
  return app;
}

/** Anyone may call from any page: authority comes from signatures, never from cookies or the network. */
const ALWAYS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Retry-After',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const headers: RequestHandler = (request, response, next) => {
  response.set(ALWAYS);
  if (request.method !== 'OPTIONS') return next();
  response.set({
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Headers': 'Content-Type, Farthing-Order',
    'Access-Control-Max-Age': '86400',
  });
  response.status(204).end();
};

const notAllowed =
  (allow: string): RequestHandler =>
  (_request, response) => {
    response.set('Allow', allow);
    throw new PaymentProblem('method-not-allowed');
  };

const lastResort =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, request, response, _next) =>
    fail(error, { request, response, log, path: String(request.route?.path ?? '') });
