# One image for the broker and for the demo site: built from source, run without what only building needs, by a user without rights.
FROM node:24-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && npx tsc -b && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
# All else is read-only: copies that audits and reports look at lie beside the ledger.
ENV NODE_ENV=production TMPDIR=/data
WORKDIR /app
COPY --from=build /app /app
RUN mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
ENTRYPOINT ["node", "broker/dist/main.js"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
