# docker build --tag fairbrush .
# docker run --rm --volume fairbrush-data:/data fairbrush imagine "a lighthouse at dusk" --out /data/pictures
#
# /data holds config.toml, workflows (if they are your own), the database and pictures. A folder in its
# place must be writable for user 10001. Any setting may come from the environment: --env FAIRBRUSH__COMFYUI__URL=…
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

# Reads the settings and asks each ComfyUI server and template; a few requests, so every five minutes.
HEALTHCHECK --interval=5m --timeout=60s --start-period=30s \
    CMD ["fairbrush", "check", "--json"]

ENTRYPOINT ["fairbrush"]
CMD ["demo", "--data-dir", "/data/demo-pictures"]
