# cartage-server on Debian 12.
#
#   docker build -t cartage-server .
#   docker run --init --read-only --tmpfs /tmp -v cartage:/data -p 127.0.0.1:7400:7400 \
#       -e CARTAGE_DATABASE_URL=postgres://… cartage-server
#   docker exec <container> cartage-server token --account acme
#
# Without CARTAGE_DATABASE_URL the server keeps a PostgreSQL of its own below /data; it needs
# PostgreSQL's programs for that: build with `--build-arg WITH_POSTGRESQL=true`.
# The server speaks plain HTTP: beyond one machine, put something that speaks TLS in front.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package cartage-server

FROM debian:bookworm-slim
ARG WITH_POSTGRESQL=false
# Certificates for calling shops. Debian's PostgreSQL would make a database of its own when it is
# installed; the file keeps it from that.
RUN set -eux; \
    packages="ca-certificates"; \
    if [ "$WITH_POSTGRESQL" = true ]; then \
        packages="$packages postgresql"; \
        mkdir -p /etc/postgresql-common; \
        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
    fi; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold $packages; \
    rm -rf /var/lib/apt/lists/*; \
    groupadd --gid 10001 cartage; \
    useradd --uid 10001 --gid cartage --no-create-home --home-dir /data --shell /usr/sbin/nologin cartage; \
    install -d -o cartage -g cartage -m 0700 /data
COPY --from=build /src/target/release/cartage-server /usr/local/bin/cartage-server

# Everything that is written lies below /data, and temporary files in /tmp. It listens to other
# machines, so it reads no files of its own as sources, and reaches shops on public addresses by https
# alone; `-e CARTAGE_HOSTED=false` is for a container that only you can reach.
ENV CARTAGE_LISTEN=0.0.0.0:7400 \
    CARTAGE_DATA_DIR=/data \
    CARTAGE_HOSTED=true
VOLUME /data
USER 10001:10001
EXPOSE 7400
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["cartage-server"]
CMD ["serve"]
