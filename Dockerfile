# kafkactl in a container, without a compiler and without root:
#
#   make image
#   docker run --rm --network kafkactl-kraft_default kafkactl -b kafka-1:19092 topics list
#
# What is read from this host (segments, certificates, client.properties) is mounted: -v "$PWD:/work"
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
LABEL kafkactl=build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
COPY pyproject.toml setup.py README.md LICENSE /source/
COPY kafkactl /source/kafkactl
COPY compose /source/compose
RUN python3 -m venv /opt/kafkactl \
    && /opt/kafkactl/bin/pip install --quiet --no-cache-dir --no-compile "/source[schemas]" \
    && /opt/kafkactl/bin/pip uninstall --quiet --yes pip setuptools

FROM ${PYTHON_IMAGE}
LABEL kafkactl=image
COPY --from=build /opt/kafkactl /opt/kafkactl
RUN useradd --uid 10001 --create-home kafkactl && mkdir /work && chown kafkactl /work
USER kafkactl
WORKDIR /work
ENV PATH=/opt/kafkactl/bin:$PATH PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["kafkactl"]
