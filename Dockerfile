FROM oven/bun:1.4.5 AS build
WORKDIR /warren
COPY . .
RUN bun run build

FROM debian:bookworm-slim
COPY --from=build /warren/dist/warren /usr/local/bin/warren
# Nobody: Warren writes no file and needs no right.
USER 65534:65534
ENV WARREN_HOST=0.0.0.0 WARREN_PORT=8000
EXPOSE 8000
# The image has no HTTP client, but bash can speak plain TCP: where the clients' port has TLS, set WARREN_ADMIN_PORT.
# A processor listens on no other: set it there too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${WARREN_ADMIN_PORT:-$WARREN_PORT} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["/usr/local/bin/warren"]
