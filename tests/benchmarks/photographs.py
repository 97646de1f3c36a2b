"""Pictures as the services deliver them (grainy, about 203 KiB, no two alike), and a host that delivers them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from images import encode
from local_http import Quiet, serve_http
from PIL import Image, ImageChops, ImageOps
from services import AnyServices, CompletesWithUrl

from mkdocs_leonardo.painter.picture import paint
from mkdocs_leonardo.spec import PictureSpec

#: The mean of 21 pictures of Phoenix 1.0, 1472 x 832 (October 2026).
SIZE_KIB = 203
PROMPTS = (
    "a lighthouse in a storm, dawn",
    "pine forest in morning fog",
    "city skyline at night, neon rain",
    "desert dunes at golden hour",
    "autumn river valley",
)


def photographs(number: int) -> list[bytes]:
    """JPEGs, at most 60: the painter's pictures with grain, mirrored, and with exchanged colours."""
    grain = Image.effect_noise((1536, 864), 24)
    made = []
    variations = itertools.product(itertools.permutations(range(3)), (False, True), PROMPTS)
    painted = {prompt: paint(PictureSpec(prompt)).convert("RGB") for prompt in PROMPTS[:number]}
    for order, is_mirrored, prompt in itertools.islice(variations, number):
        channels = painted[prompt].split()
        picture = Image.merge("RGB", [ImageChops.add(channels[index], grain, 1, -128) for index in order])
        made.append(_jpeg(ImageOps.mirror(picture) if is_mirrored else picture))
    return made


def _jpeg(picture: Image.Image) -> bytes:
    """The picture as a JPEG of the quality that comes nearest to the usual size."""
    low, high, data = 20, 98, b""
    while low < high:
        quality = (low + high) // 2
        data = encode(picture, quality=quality)
        low, high = (quality + 1, high) if len(data) < SIZE_KIB * 1024 else (low, quality)
    return data


@contextmanager
def delivering(services: AnyServices, pictures: Sequence[bytes]) -> Iterator[None]:
    """Let every new job of the loopback Leonardo complete with one of the pictures, in turn."""

    class Host(Quiet, BaseHTTPRequestHandler):
        """A host with picture 7 at ``/7.jpg``."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Send one picture."""
            data = pictures[int(self.path.strip("/").partition(".")[0])]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serve_http(Host) as url:
        urls = [f"{url}/{number}.jpg" for number in range(len(pictures))]
        rule = services.leonardo.on_create(*(CompletesWithUrl(url=url) for url in urls))
        rule.times(10**9)
        try:
            yield
        finally:
            rule.drop()
