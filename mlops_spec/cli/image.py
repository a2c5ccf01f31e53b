"""spec image: the image of the release that the next rollout is about, built here and pushed."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Final

from mlops_spec.apply.look import context_of
from mlops_spec.apply.site import Site
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.image import Engine, Heard, build, find_engine, push
from mlops_spec.runtime.image.build import step_of
from mlops_spec.runtime.refusal import Refusal

NOWHERE: Final = "localhost"  # as podman names what has no registry


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument(
        "--push", action="store_true",
        help="push it under the environment's `serve.images`; spec apply then rolls it out",
    )  # fmt: skip
    add_environment(parser)
    parser.epilog = (
        "Builds with docker, podman or buildah, the first that answers. Variables:\n"
        "  MLOPS_SPEC_ENGINE            one of them by name\n"
        "  MLOPS_SPEC_BASE_IMAGE        what to build on (default: python:3.11-slim)\n"
        "  MLOPS_SPEC_BUILD_ARGUMENTS   more arguments of its build, such as --network=host\n"
        "  SOURCE_DATE_EPOCH            when the image is said to be of (default: 1970)\n"
        "The pip.conf of who builds is lent to the build, and stays out of the image.\n\n"
        "Examples:\n"
        "  spec image flight-delay                        build it here\n"
        "  spec image flight-delay --env production --push"
    )


def run(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    _check(site, arguments)
    engine = find_engine()
    context = context_of(site, site.model(arguments.model))
    with context.lease("image"):
        told = _make(site, context, engine, arguments)
    if arguments.output == "json":
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return Exit.FINE
    print(f"{told['image']}  release {told['release']}, {told['bytes'] / 1e6:.0f} MB unpacked")
    print(f"  id      {told['id']}")
    if told["pushed"]:
        print(f"  pushed  {told['pushed']}")
    return Exit.FINE


def _check(site: Site, arguments: argparse.Namespace) -> None:
    site.model(arguments.model)
    if arguments.push and not site.spec.serve.images:
        raise Refusal(
            "MLS630",
            f"environment {site.environment!r} does not say where images are pushed",
            f"set environments.{site.environment}.serve.images in mlops.yaml",
        )
    start = f"generated/{site.environment}/{arguments.model}/service/"
    for path, text in site.files:
        place = site.root / path
        if path.startswith(start) and (not place.is_file() or place.read_bytes() != text.encode()):
            raise Refusal("MLS602", f"{path} is not what the specs render to", "run spec render")


def _make(
    site: Site, context: Context, engine: Engine, arguments: argparse.Namespace
) -> dict[str, Any]:
    from mlops_spec.runtime.cluster.recorded import record_image
    from mlops_spec.runtime.declare import Signing
    from mlops_spec.runtime.rollout.begin import find_release
    from mlops_spec.runtime.service.packaging import package, source_of

    release = find_release(context, None)
    found = site.spec.signing
    signing = Signing(found.public_key, found.key_env) if found else None
    bento = package(context, release.run, release.id, release.version, signing)
    name = f"{site.spec.serve.images.rstrip('/') or NOWHERE}/{release.model}:{release.id}"
    if arguments.output != "json":
        print(f"{engine.name} builds {name}", file=sys.stderr)
    source, steps = source_of(context.workspace, bento), _steps(arguments)
    built = build(engine, source, name, steps, pushed=arguments.push)
    pushed = push(engine, name) if arguments.push else ""
    if pushed:
        record_image(context.journal, release.model, release.id, pushed)
    return {
        "format_version": 1, "model": release.model, "release": release.id, "engine": engine.name,
        "image": name, "id": built.id, "bytes": built.size, "pushed": pushed,
    }  # fmt: skip


def _steps(arguments: argparse.Namespace) -> Heard:
    """Each instruction as the engine comes to it, for people."""

    def heard(line: str) -> None:
        if arguments.output != "json" and step_of(line):
            print(f"  {line[:110]}", file=sys.stderr)

    return heard
