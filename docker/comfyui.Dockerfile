# ComfyUI, for compose.yaml. There is no official image of it, so this one is made from its public repository at one
# version. To update: another COMFYUI_TAG, then  docker compose build comfyui.
#
# torch is PyPI's, which on Linux comes with CUDA; the machine needs NVIDIA's driver and the NVIDIA Container Toolkit,
# and no CUDA of its own. TORCH_INDEX takes torch from elsewhere: for another version of CUDA, for AMD, or without any.
FROM python:3.12-slim

ARG COMFYUI_REPOSITORY=https://github.com/comfyanonymous/ComfyUI.git
ARG COMFYUI_TAG=v0.33.0
ARG TORCH_INDEX=

# git fetches ComfyUI; many packs of nodes want it too, and the libraries of OpenCV.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg git libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home comfyui \
    && git clone --depth 1 --branch "$COMFYUI_TAG" "$COMFYUI_REPOSITORY" /opt/comfyui

WORKDIR /opt/comfyui
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --disable-pip-version-check --root-user-action ignore \
        ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision torchaudio \
    && pip install --disable-pip-version-check --root-user-action ignore --requirement requirements.txt

# ComfyUI writes here, and makes temp anew at each start. A new volume takes over the owner of its folder.
RUN mkdir --parents input output user custom_nodes models \
    && chown comfyui:comfyui . \
    && chown --recursive comfyui:comfyui input output user custom_nodes models

USER comfyui
ENV PYTHONUNBUFFERED=1
EXPOSE 8188
HEALTHCHECK --interval=15s --timeout=5s --start-period=5m --retries=4 \
    CMD ["python", "-c", "from http.client import HTTPConnection as To; to = To('127.0.0.1', 8188, timeout=4); to.request('GET', '/system_stats'); exit(to.getresponse().status != 200)"]
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "main.py", "--listen", "0.0.0.0", "--port", "8188"]
