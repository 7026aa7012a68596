# The program in an image of its own: docker build -t hitherto .
#   docker run --rm -v "$PWD/testdata/shop:/data/shop:ro" -v "$PWD/out:/data/out" hitherto \
#     sequences shop --out out/training
# Other bases, such as those of a mirror: --build-arg RUST_IMAGE=… --build-arg SPARK_IMAGE=…
ARG RUST_IMAGE=rust:1.95-bookworm
ARG SPARK_IMAGE=apache/spark:4.0.1-python3

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# Static, so that it runs without a distribution below it, and in any. The C library is still glibc: it needs no other
# Rust target than the one of the image, and its memcpy is the one that figures are measured with. With `rustc` and
# not RUSTFLAGS, as only the last step differs.
RUN cargo rustc --locked --profile dist --bin hitherto --target "$(rustc --print host-tuple)" \
        -- -C target-feature=+crt-static \
    && mkdir -p /out/usr/local/bin /out/licenses \
    && cp target/*/dist/hitherto /out/usr/local/bin/ \
    && cp LICENSE-* /out/licenses/ \
    # `verify` plants its canaries there.
    && mkdir -m 1777 /out/tmp

# Spark with the Python package, for compose.yaml's profile `spark`. Not built unless it is asked for.
FROM ${SPARK_IMAGE} AS spark
USER root
# Newer systems want this to install into their own Python; older ones do not know it.
ENV PIP_BREAK_SYSTEM_PACKAGES=1
RUN pip3 install --no-cache-dir 'numpy>=1.26' pandas 'pyarrow>=17' \
    # Spark refuses users without a name.
    && (id 1000 >/dev/null 2>&1 || useradd --uid 1000 --create-home hitherto)
COPY --from=build /out/usr/local/bin/hitherto /usr/local/bin/hitherto
COPY src/python /opt/hitherto
COPY testdata/deploy/spark_job.py /opt/hitherto/
ENV PYTHONPATH=/opt/hitherto:/opt/spark/python \
    PATH=/opt/spark/bin:$PATH \
    SPARK_WORKER_DIR=/tmp/spark
USER 1000:1000

FROM scratch AS hitherto
LABEL org.opencontainers.image.title="hitherto" \
      org.opencontainers.image.description="Turns raw event logs into point-in-time training data" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out /
# The program needs no shell, and no name for its user. What it spills goes beside the output.
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["/usr/local/bin/hitherto"]
CMD ["--help"]
