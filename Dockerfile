# The bot alone. With ComfyUI beside it: compose.yaml.
#
# docker build --tag fairbrush .
# docker run --detach --name fairbrush --stop-timeout 45 --volume fairbrush-data:/data fairbrush
# docker exec fairbrush fairbrush imagine "a lighthouse at dusk" --out /data/pictures
# docker exec fairbrush fairbrush backup /data/backups --keep 14
#
# /data holds config.toml, workflows (if they are your own), and in /data/data the database and the pictures that
# the bot keeps. A folder in its place must be writable for user 10001. Any setting may come from the environment:
# --env FAIRBRUSH__COMFYUI__URL=…
FROM python:3.13-slim

LABEL org.opencontainers.image.title="Fairbrush" \
      org.opencontainers.image.description="Share one ComfyUI server and its GPU fairly with a whole community" \
      org.opencontainers.image.licenses="MIT"

RUN useradd --uid 10001 --user-group --create-home fairbrush \
    && install --directory --owner fairbrush --group fairbrush /data /data/backups

WORKDIR /app
# README and LICENSE belong to the package's description; the workflows are packed into it.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot ./bot
COPY workflows ./workflows
# What pip has fetched is kept for the next build, outside of the image. The modules are compiled here: the user
# below may not write beside them, and every start would compile them again.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --disable-pip-version-check --root-user-action ignore --compile --constraint constraints.txt .

USER fairbrush
WORKDIR /data
VOLUME /data
# Only what is published, or shares a network with the container, reaches this port. 8765 is the page's, once
# FAIRBRUSH__WEB__LISTEN=0.0.0.0:8765 switches it on.
ENV PYTHONUNBUFFERED=1 \
    FAIRBRUSH__METRICS__LISTEN=0.0.0.0:9464
EXPOSE 8765 9464

# Is the bot alive? It answers from memory: no server and no platform is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection as To; to = To('127.0.0.1', 9464, timeout=4); to.request('GET', '/healthz'); exit(to.getresponse().status != 200)"]

# The first SIGTERM lets what is being painted end, for at most queue.shutdown_seconds (30): give it that long.
STOPSIGNAL SIGTERM
ENTRYPOINT ["fairbrush"]
CMD ["run"]
