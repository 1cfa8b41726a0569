// HTTP around the service: bounds first, then strict JSON, then the table of routes. Handlers hold no decisions.
import { PaymentProblem } from '@farthing/protocol';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { BrokerService } from '../service.ts';
import { readJson } from './body.ts';
import { openApi } from './openapi.ts';
import { problemOf, sendProblem } from './problems.ts';
import { readRoutes } from './reads.ts';
import { orderRoutes } from './routes.ts';

export type Log = (line: string) => void;

export function brokerApp(service: BrokerService, log: Log): Express {
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
  for (const path of ['/openapi.json', ...readRoutes.map((route) => route.path)]) {
    app.all(path, notAllowed('GET, HEAD, OPTIONS'));
  }
  for (const route of orderRoutes) {
    app.post(route.path, async (request, response) => {
      const answer = await service.answer(route, await readJson(request));
      response.type('application/json').send(answer);
    });
    app.all(route.path, notAllowed('POST, OPTIONS'));
  }
  app.use(() => {
    throw new PaymentProblem('not-found');
  });
  app.use(lastResort(log));
  return app;
}

/** Anyone may call from any page: authority comes from signatures, never from cookies or the network. */
const headers: RequestHandler = (request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'Retry-After',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  if (request.method !== 'OPTIONS') return next();
  response.set({
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Headers': 'Content-Type',
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
  (log: Log): ErrorRequestHandler =>
  (error: unknown, request: Request, response: Response, next) => {
    const problem = problemOf(error);
    // Never the body or the query: they may name keys and codes.
    if (problem.status >= 500) log(`${request.method} ${request.path.slice(0, 80)}: ${String(error).slice(0, 300)}`);
    if (response.headersSent) return next(error);
    sendProblem(response, problem);
  };
