# The demo on Debian 12: docker build -t xdog . && docker run --rm -v "$PWD/out:/xdog/out" xdog
# Other commands install what they need when they are first run in the container.
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git && rm -rf /var/lib/apt/lists/*
WORKDIR /xdog

# The Debian packages change seldom: they are a layer of their own, which is kept while only code changes.
COPY requirements requirements
RUN apt-get update \
    && grep -v '^#' requirements/debian.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

COPY . .
RUN ./xdog setup robot sim && rm -rf /root/.cache
CMD ["./xdog", "demo"]
