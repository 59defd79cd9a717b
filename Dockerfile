# docker build --tag fairbrush .
# docker run --detach --name fairbrush --stop-timeout 45 --volume fairbrush-data:/data fairbrush
# docker exec fairbrush fairbrush imagine "a lighthouse at dusk" --out /data/pictures
#
# /data holds config.toml, workflows (if they are your own), and in /data/data the database and the pictures that
# the bot keeps. A folder in its place must be writable for user 10001. Any setting may come from the environment:
# --env FAIRBRUSH__COMFYUI__URL=…
FROM python:3.13-slim

RUN useradd --uid 10001 --user-group --create-home fairbrush \
    && install --directory --owner fairbrush --group fairbrush /data

WORKDIR /app
# README and LICENSE belong to the package's description; the workflows are packed into it.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot ./bot
COPY workflows ./workflows
RUN pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .

USER fairbrush
WORKDIR /data
VOLUME /data
ENV PYTHONUNBUFFERED=1

# Reads the settings and the database, asks each ComfyUI server and the bot; so every five minutes.
HEALTHCHECK --interval=5m --timeout=60s --start-period=30s \
    CMD ["fairbrush", "check", "--json"]

# The first SIGTERM lets what is being painted end, for at most queue.shutdown_seconds (30): give it that long.
STOPSIGNAL SIGTERM
ENTRYPOINT ["fairbrush"]
CMD ["run"]
