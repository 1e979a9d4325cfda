# syntax=docker/dockerfile:1
#
# The server as an image: `docker build -t gametriggers .`
#
# By default it listens on port 3001 and keeps its store in the volume /data. GAMETRIGGERS__AUTH__JWT_SECRET and
# GAMETRIGGERS__HTTP__PUBLIC_URL have to be given; docs/configuration.md lists the rest.

# Both stages are Debian 12: a program built against a newer C library would not start on an older one.
# The image's own compiler is the one of rust-toolchain.toml, which is not copied.
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --package gametriggers \
    && install -D target/release/gametriggers /out/gametriggers

FROM debian:12-slim
RUN groupadd --system --gid 10001 gametriggers \
    && useradd --system --uid 10001 --gid gametriggers --no-create-home --home-dir /data gametriggers \
    && install --directory --owner=gametriggers --group=gametriggers /data
COPY --from=build /out/gametriggers /usr/local/bin/gametriggers

ENV GAMETRIGGERS__HTTP__BIND=0.0.0.0:3001 \
    GAMETRIGGERS__STORAGE__URL=sqlite:///data/gametriggers.db \
    GAMETRIGGERS__LOG__FORMAT=json

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 3001

# Whether the process lives. Not whether its store answers (/health/ready): a restart would not bring that back.
# The image has no curl and needs none: bash speaks TCP.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${GAMETRIGGERS__HTTP__BIND##*:} && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]

ENTRYPOINT ["gametriggers"]
CMD ["serve"]
