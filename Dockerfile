# The demo as on a Debian 12 machine, in an image; other commands install what they need: docker build -t xdog . && docker run --rm -v "$PWD/out:/xdog/out" xdog
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git && rm -rf /var/lib/apt/lists/*
WORKDIR /xdog

# Debian packages and Python packages change seldom: a layer of their own, kept while only code changes.
COPY requirements requirements
RUN apt-get update \
    && grep -v '^#' requirements/debian.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

COPY . .
RUN ./xdog setup robot sim && rm -rf /root/.cache
CMD ["./xdog", "demo"]
