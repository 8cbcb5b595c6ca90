# One image for every app: `docker run spillway balancer`. Built out of what the apps need of this repository, nothing else.
FROM node:26-bookworm-slim AS tools
WORKDIR /app
COPY package.json pnpm-workspace.yaml ./
RUN npm install --global "$(node -p "require('./package.json').packageManager")" \
  "turbo@$(sed -n 's/^  turbo: *//p' pnpm-workspace.yaml)"

# The apps and the packages they import, with a lockfile cut down to them: a change anywhere else leaves the install cached.
FROM tools AS pruned
COPY . .
RUN turbo prune --docker \
  @spillway/balancer @spillway/gateway @spillway/cache @spillway/db @spillway/microservice @spillway/worker

FROM tools AS installed
COPY --from=pruned /app/out/json/ .
# Half of it is for who develops: source maps and types.
RUN pnpm install --prod --frozen-lockfile \
  && find node_modules -type f -regex '.*\.\(map\|d\.[cm]?ts\)' -delete

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title=spillway \
  org.opencontainers.image.description="A load balancer, an API gateway, a cache and the services behind them" \
  org.opencontainers.image.licenses=MIT
WORKDIR /app
# Containers are reached from outside themselves; whoever publishes the ports decides from where.
ENV NODE_ENV=production HOST=0.0.0.0 ADMIN_HOST=0.0.0.0
COPY --from=installed /app /app
COPY --from=pruned /app/out/full/ .
COPY container/ /usr/local/bin/
USER node
EXPOSE 8000 8001 5000 5001 5002 5004 5005
# Where an image names none, Docker takes any signal that it is asked to send, SIGHUP too, for a stop: no restart after it.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["spillway"]
