# One image for every app: `docker run spillway balancer`. Built out of what the apps need of this repository, nothing else.
FROM node:26-bookworm-slim AS base
WORKDIR /app

# The apps and the packages they import, with a lockfile cut down to them: a change anywhere else leaves the install cached.
FROM base AS pruned
COPY . .
RUN --mount=type=cache,target=/npm npm_config_cache=/npm \
  npx -y "turbo@$(sed -n 's/^  turbo: *//p' pnpm-workspace.yaml)" prune --docker \
  @spillway/balancer @spillway/gateway @spillway/cache @spillway/db @spillway/microservice @spillway/worker

FROM base AS installed
COPY --from=pruned /app/out/json/ .
RUN --mount=type=cache,target=/npm --mount=type=cache,target=/pnpm npm_config_cache=/npm \
  npx -y "$(node -p "require('./package.json').packageManager")" install --prod --frozen-lockfile --store-dir /pnpm \
  --config.package-import-method=copy

FROM base
# Containers are reached from outside themselves; whoever publishes the ports decides from where.
ENV NODE_ENV=production HOST=0.0.0.0 ADMIN_HOST=0.0.0.0
COPY container/ /usr/local/bin/
COPY --from=installed /app /app
COPY --from=pruned /app/out/full/ .
USER node
EXPOSE 8000 8001 5000 5001 5002 5004 5005
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["spillway"]
